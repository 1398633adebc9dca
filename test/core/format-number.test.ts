import { describe, expect, test } from '@jest/globals';
import { formatCount, formatNumber, plural, pluralNoun } from '../../src/core/format-number.ts';

describe('formatNumber', () => {
  test('rounds to significant digits and drops trailing zeros', () => {
    expect(formatNumber(5.770631)).toBe('5.77063');
    expect(formatNumber(0.5)).toBe('0.5');
    expect(formatNumber(1234.5678, 3)).toBe('1230');
    expect(formatNumber(-1.23456789e-9)).toBe('-1.23457e-9');
  });

  test('writes values that are not finite by name', () => {
    expect([Number.NaN, Number.POSITIVE_INFINITY].map((value) => formatNumber(value))).toEqual([
      'NaN',
      'Infinity',
    ]);
  });
});

test('plural groups thousands and adds an s to all counts but 1', () => {
  expect([0, 1, 3394].map((count) => plural(count, 'hit'))).toEqual(['0 hits', '1 hit', '3,394 hits']);
});

test('formatCount groups thousands, and pluralNoun leaves the count out', () => {
  expect(formatCount(1_234_567)).toBe('1,234,567');
  expect([1, 2].map((edits) => pluralNoun(edits, 'edit'))).toEqual(['edit', 'edits']);
});
