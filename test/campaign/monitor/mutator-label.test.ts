import { expect, test } from '@jest/globals';
import { mutatorLabel } from '../../../src/campaign/monitor/mutator-label.ts';

test('a mutator is named with its input where mutators of several inputs are listed', () => {
  const x = { input: 'x', mutator: 'gaussian' };
  expect(mutatorLabel(x, [x, { input: 'x' }])).toBe('gaussian');
  expect(mutatorLabel(x, [x, { input: 'mask' }])).toBe('x:gaussian');
  expect(mutatorLabel({ input: 'a\u001b[2J', mutator: 'flip' }, [x])).not.toContain('\u001b');
});
