import { expect, test } from '@jest/globals';
import { withoutMasks } from '../../src/coverage/without-masks.ts';
import { runOf, tensorOf } from '../support/observations.ts';

const masked = [1, Number.NEGATIVE_INFINITY, -3.4e38, -5];

test('masked values of a watched tensor do not count; those of others and all that is no mask do', () => {
  const run = runOf(tensorOf('scores', [masked]), tensorOf('logits', [masked]));
  const { activations } = withoutMasks({ ...run, isMaskOnly: (name) => name === 'scores' });
  expect([...activations[0].data]).toEqual([1, 0, 0, -5]);
  expect(activations[1].data).toBe(run.activations[1].data);
  expect(run.activations[0].data[1]).toBe(Number.NEGATIVE_INFINITY);
});

test('a run without masks is passed on as it is', () => {
  const run = { ...runOf(tensorOf('logits', [masked])), isMaskOnly: () => false };
  expect(withoutMasks(run)).toBe(run);
});
