import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { editDistance } from '../../src/constraints/edit-distance.ts';
import { isWithinEditDistance } from '../../src/constraints/is-within-edit-distance.ts';
import { stripPadding } from '../../src/constraints/strip-padding.ts';

const ids = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 12 });

describe('editDistance', () => {
  test('counts insertions, deletions and substitutions of ids', () => {
    expect(editDistance([1, 2, 3], [1, 3])).toBe(1);
    expect(editDistance([5, 6], [6, 5, 7])).toBe(2);
    expect(editDistance([10, 1], [101])).toBe(2);
    expect(editDistance(BigInt64Array.of(7n, 8n), [7, 9])).toBe(1);
  });
});

describe('isWithinEditDistance', () => {
  test('agrees with the full table for any limit', () => {
    fc.assert(
      fc.property(ids, ids, fc.nat(12), (a, b, limit) => {
        expect(isWithinEditDistance(a, b, limit)).toBe(editDistance(a, b) <= limit);
      }),
    );
  });

  test('gives the same after a longer sequence has enlarged its table', () => {
    const long = Array.from({ length: 600 }, (_, i) => i);
    expect(isWithinEditDistance(long, long.slice(2), 2)).toBe(true);
    expect(isWithinEditDistance(long, long.slice(2), 1)).toBe(false);
    expect(isWithinEditDistance([1, 2], [2, 1], 1)).toBe(false);
  });
});

test('stripPadding removes padding at the end alone', () => {
  expect([...stripPadding(Int32Array.of(0, 5, 0, 6, 0, 0), 0)]).toEqual([0, 5, 0, 6]);
  expect([...stripPadding(BigInt64Array.of(3n, 0n), 0)]).toEqual([3n]);
  expect([...stripPadding(Int32Array.of(5, 0), undefined)]).toEqual([5, 0]);
});
