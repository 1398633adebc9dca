import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { deflated, largestSingularValue, matrixMap } from '../../../src/analysis/spectral/power-iteration.ts';

/** The matrix of test/fixtures/spectral/make.py, which draws it in the same way. */
function randomMatrix(rows: number, columns: number): Float64Array {
  let state = 12345;
  return Float64Array.from({ length: rows * columns }, () => {
    state = Number((1103515245n * BigInt(state) + 12345n) % 2n ** 31n);
    return (2 * state) / 2 ** 31 - 1;
  });
}

test('the two largest singular values of a random 256×1152 matrix are within 0.1 % of a full decomposition', () => {
  const decomposed = JSON.parse(readFileSync('test/fixtures/spectral/singular-values.json', 'utf8'));
  const [first, second] = decomposed.random['256x1152'];
  const map = matrixMap(randomMatrix(256, 1152), 256, 1152);
  const value = largestSingularValue(map, ['random']);
  expect(Math.abs(value.sigma / first - 1)).toBeLessThan(1e-3);
  expect(value.sigma).toBeLessThanOrEqual(first * (1 + 1e-12));
  const next = largestSingularValue(deflated(map, value), ['random', 'second']);
  expect(Math.abs(next.sigma / second - 1)).toBeLessThan(5e-3);
});

test('the vectors of a diagonal matrix are its axes, and its zeros are no singular value', () => {
  const value = largestSingularValue(matrixMap(Float64Array.of(3, 0, 0, 0, 2, 0), 2, 3), ['diagonal']);
  expect(value.sigma).toBeCloseTo(3, 3);
  expect(Math.abs(value.left[0])).toBeCloseTo(1, 2);
  expect(Math.abs(value.right[0])).toBeCloseTo(1, 2);
  expect(largestSingularValue(matrixMap(new Float64Array(6), 2, 3), ['zero']).sigma).toBe(0);
});

test('singular values that lie close together are told apart', () => {
  // Changes of the estimate are below 1e-5 of it long before it is right.
  const diagonal = Float64Array.from({ length: 900 }, (_, i) => (i % 31 === 0 ? 1 - i / 31 / 1000 : 0));
  const { sigma, steps } = largestSingularValue(matrixMap(diagonal, 30, 30), ['close']);
  expect(Math.abs(sigma - 1)).toBeLessThan(5e-4);
  expect(steps).toBeLessThanOrEqual(1000);
});

test('equal keys give equal bits', () => {
  const map = matrixMap(randomMatrix(20, 30), 20, 30);
  expect(largestSingularValue(map, ['weight', 0])).toEqual(largestSingularValue(map, ['weight', 0]));
});

test('a value a little above hundreds that are equal is found', () => {
  const size = 400;
  const values = new Float64Array(size * size);
  for (let i = 0; i < size; i++) values[i * size + i] = i === 7 ? 1.05 : 1;
  expect(largestSingularValue(matrixMap(values, size, size), ['nearly equal']).sigma).toBeCloseTo(1.05, 4);
});
