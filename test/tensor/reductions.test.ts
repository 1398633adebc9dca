import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { areFinite, indexOfGreatest, sumOfSquares } from '../../src/tensor/reductions.ts';

const LONG = (1 << 14) + 3;

test('sums of short and long rows are those of all their values, in double precision', () => {
  expect(sumOfSquares(Float32Array.of(9, 1, 2, 3, 9), 1, 4)).toBe(14);
  const values = Float32Array.from({ length: LONG + 1 }, (_, i) => (i === 0 ? 9 : i % 5));
  let expected = 0;
  for (let i = 1; i <= LONG; i++) expected += values[i] ** 2;
  expect(sumOfSquares(values, 1, LONG + 1)).toBe(expected);
  const large = sumOfSquares(new Float32Array(LONG).fill(3e38), 0, LONG);
  expect(large / (LONG * 3e38 ** 2)).toBeCloseTo(1, 6);
});

test('one value that is not finite is seen wherever it is', () => {
  fc.assert(
    fc.property(fc.nat(LONG - 1), fc.constantFrom(Number.NaN, Infinity, -Infinity), (at, value) => {
      const values = new Float32Array(LONG).fill(3e38);
      const before = areFinite(values);
      values[at] = value;
      return before && !areFinite(values);
    }),
    { numRuns: 20 },
  );
});

test('the greatest value is the first of equal ones, and the first of none', () => {
  expect(indexOfGreatest(Float32Array.of(9, 1, 5, 5, 2), 1, 5)).toBe(1);
  expect(indexOfGreatest(Float32Array.of(Number.NaN, Number.NaN), 0, 2)).toBe(0);
});
