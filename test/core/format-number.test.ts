import { describe, expect, test } from '@jest/globals';
import {
  formatCount,
  formatExactly,
  formatNumber,
  plural,
  pluralNoun,
} from '../../src/core/format-number.ts';

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

describe('formatExactly', () => {
  test('tells a number of single precision from its neighbours, in as few digits as it takes', () => {
    expect(formatExactly(1)).toBe('1');
    expect(formatExactly(1 + 2 ** -23)).toBe('1.0000001');
    expect(formatExactly(1 - 2 ** -24)).toBe('0.99999994');
    expect(formatExactly(Math.fround(88.72284))).toBe('88.72284');
    expect(formatExactly(Math.fround(-0.1))).toBe('-0.1');
    expect(formatExactly(Math.fround(3.4028234e38))).toBe('3.4028235e+38');
  });

  test('writes a number of double precision as it is, and what is not finite by name', () => {
    expect(formatExactly(1 + 2 ** -52)).toBe('1.0000000000000002');
    expect(formatExactly(Number.NaN)).toBe('NaN');
    expect(formatExactly(Number.NEGATIVE_INFINITY)).toBe('-Infinity');
  });
});

test('plural groups thousands and adds an s to all counts but 1', () => {
  expect([0, 1, 3394].map((count) => plural(count, 'hit'))).toEqual(['0 hits', '1 hit', '3,394 hits']);
});

test('formatCount groups thousands, and pluralNoun leaves the count out', () => {
  expect(formatCount(1_234_567)).toBe('1,234,567');
  expect([1, 2].map((edits) => pluralNoun(edits, 'edit'))).toEqual(['edit', 'edits']);
});
