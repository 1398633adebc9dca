import { expect, test } from '@jest/globals';
import { formatCount, plural, pluralNoun } from '../../src/core/format-count.ts';

test('counts have thousands separators, and a noun is singular for one alone', () => {
  expect(formatCount(1_234_567)).toBe('1,234,567');
  expect([0, 1, 3394].map((hits) => plural(hits, 'hit'))).toEqual(['0 hits', '1 hit', '3,394 hits']);
  expect([1, 2].map((edits) => pluralNoun(edits, 'edit'))).toEqual(['edit', 'edits']);
});
