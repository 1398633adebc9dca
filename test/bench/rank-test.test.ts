import { expect, test } from '@jest/globals';
import { compareRanks } from '../../bench/rank-test.ts';

// U and p of SciPy 1.17.1: mannwhitneyu, with PermutationMethod over all divisions; A by its definition.
test.each([
  [[12467, 9000, 20784, 15000, 11000], [60000, 60000, 60000, 60000, 60000], 0, 0.007936507936507936, 1],
  [[3, 5, 8, 1, 9], [2, 7, 4, 10, 6], 11, 0.8412698412698413, 0.56],
  [[1, 2, 2, 3, 9], [2, 4, 5, 5, 9], 6.5, 0.23809523809523808, 0.74],
  [[1, 2, 3], [4, 5, 6, 7], 0, 0.05714285714285714, 1],
  [[4, 4, 4], [4, 4, 4], 4.5, 1, 0.5],
])('small samples, exactly: %j and %j', (first, second, u, p, smaller) => {
  const compared = compareRanks(first, second);
  expect(compared.u).toBe(u);
  expect(compared.p).toBeCloseTo(p, 12);
  expect(compared.smaller).toBeCloseTo(smaller, 12);
});

test('large samples, by the normal approximation with ties: as SciPy with method asymptotic', () => {
  const first = [14, 15, 22, 28, 1, 4, 24, 28, 7, 9, 26, 12, 8, 24, 7, 12, 19, 16, 2, 0];
  const second = [
    35, 31, 34, 23, 33, 16, 20, 32, 9, 15, 9, 20, 39, 9, 18, 19, 36, 12, 22, 14, 5, 31, 7, 14, 22,
  ];
  const { u, p, smaller } = compareRanks(first, second);
  expect([u, smaller]).toEqual([156, 0.688]);
  expect(p).toBeCloseTo(0.032515469443157176, 6);
  expect(compareRanks(second, first).p).toBe(p);
});
