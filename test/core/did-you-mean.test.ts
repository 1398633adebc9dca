import { expect, test } from '@jest/globals';
import { didYouMean, suggestName } from '../../src/core/did-you-mean.ts';

test('suggests the closest name, ignoring case', () => {
  expect(didYouMean('Gausian', ['uniform', 'gaussian'])).toBe('did you mean gaussian?');
});

test('suggests nothing if no name is close', () => {
  expect(didYouMean('xyzzyx', ['uniform', 'gaussian'])).toBe('');
  expect(didYouMean('x', [])).toBe('');
});

test('lists the first eight names if no name is close', () => {
  expect(suggestName('zzzzzzzz', ['a', 'b'])).toBe('there is a, b');
  const names = Array.from({ length: 10 }, (_, i) => `name${i}`);
  expect(suggestName('zzzzzzzz', names)).toBe(
    'there are name0, name1, name2, name3, name4, name5, name6, name7, … (10 in all)',
  );
});
