import { expect, test } from '@jest/globals';
import { headSums, headWeights } from '../../../src/analysis/attention/head-statistics.ts';
import { placeGrid } from '../../../src/analysis/attention/places.ts';
import { weightAxes } from '../../../src/analysis/attention/weight-axes.ts';

const grid = placeGrid(2, 3, undefined);

test('weights come with heads first and keys last, wherever they lie', () => {
  // Two heads of two queries and three keys, by [keys, heads, queries].
  const data = Float32Array.from({ length: 12 }, (_, i) => i);
  const { heads, queries, keys, values } = headWeights('float32', data, [3, 2, 2], { query: -1, key: -3 });
  expect([heads, queries, keys]).toEqual([2, 2, 3]);
  expect([...values]).toEqual([0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11]);
});

test('heads that are joined with the batch are found by the size', () => {
  const joined = headWeights('float32', new Float32Array(12), [2, 3], { query: -2, key: -1 });
  expect(joined.heads).toBe(2);
});

test('sums, entropy, distance and sharp queries of a head', () => {
  const values = Float64Array.of(1, 0, 0, 1 / 3, 1 / 3, 1 / 3);
  const sums = headSums({ heads: 1, queries: 2, keys: 3, values }, 0, undefined, grid);
  expect(sums).toMatchObject({ rows: 2, masked: 0, sharp: 1, placed: 2 });
  expect(sums.sumError).toBeLessThan(1e-12);
  expect(sums.entropy).toBeCloseTo(1, 12);
  // The first query looks at the first key, the last at all three from the last place.
  expect(sums.distance).toBeCloseTo(1, 12);
});

test('rows of NaN, of zeros, and whose scores are those of a mask are masked', () => {
  const values = Float64Array.of(Number.NaN, 0, 0, 0, 0, 0);
  const sums = headSums({ heads: 1, queries: 2, keys: 3, values }, 0, undefined, grid);
  expect(sums).toMatchObject({ rows: 2, masked: 2, sumError: 0 });
  const equal = { heads: 1, queries: 1, keys: 2, values: Float64Array.of(0.5, 0.5) };
  const scores = { ...equal, values: Float64Array.of(-1e9, -1e9) };
  expect(headSums(equal, 0, scores, grid).masked).toBe(1);
  expect(headSums(equal, 0, { ...scores, values: Float64Array.of(-1e9, 3) }, grid).masked).toBe(0);
});

test.each([
  [{ op: 'MatMul' }, 0, { query: -2, key: -1 }],
  [{ op: 'MatMul' }, 1, { query: -1, key: -2 }],
  [{ op: 'BatchMatMulV2', attributes: { adj_x: 1 } }, 0, { query: -1, key: -2 }],
  [{ op: 'Einsum', attributes: { equation: 'acbe,aecd->abcd' } }, 0, { query: -2, key: -1 }],
  [{ op: 'Einsum', attributes: { equation: 'bhkd,bhqk->bqhd' } }, 1, { query: -2, key: -1 }],
])('%j reads weights in place %i', (part, position, axes) => {
  expect(weightAxes({ name: 'n', inputs: [], outputs: [], ...part }, position)).toEqual(axes);
});

test.each([
  ['a causal mask of −∞ whose only key has a low score', [-34534, -Infinity, -Infinity], 0],
  ['keys with low scores of their own', [-34534, -30000, -25000], 0],
  ['a causal mask of a number, and a low score', [-34534, -1e9, -1e9], 0],
  ['all keys at one mask, with scores added', [-10012, -9990, -10003], 1],
  ['all keys at the least number', [-3.4028234663852886e38, -3.4028234663852886e38, -Infinity], 1],
])('%s', (_, row, masked) => {
  const weights = { heads: 1, queries: 1, keys: 3, values: Float64Array.of(1, 0, 0) };
  const scores = { ...weights, values: Float64Array.from(row) };
  expect(headSums(weights, 0, scores, placeGrid(1, 3, undefined)).masked).toBe(masked);
});
