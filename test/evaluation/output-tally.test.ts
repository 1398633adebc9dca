import { expect, test } from '@jest/globals';
import { OutputTally } from '../../src/evaluation/output-tally.ts';
import type { BatchResult, BatchTensor } from '../../src/model/batched-model.ts';

const tensor = (name: string, size: number, ...data: number[]): BatchTensor => ({
  name,
  type: 'float32',
  size,
  shape: size === 1 ? [] : [size],
  data: Float32Array.from(data),
});
const pair = (reference: BatchTensor, second: BatchTensor): BatchResult => ({
  rows: reference.data.length / reference.size,
  inputs: [],
  outputs: [reference],
  activations: [],
  secondOutputs: [second],
});

test('measures agreement, differences and cosines over several batches', () => {
  const tally = new OutputTally();
  const differences = tally.add(pair(tensor('y', 2, 1, 0, 0, 4), tensor('y', 2, 1, 0, 0, 3)));
  expect(differences).toEqual([0, 1]);
  expect(tally.add(pair(tensor('y', 2, 3, 4), tensor('y', 2, 4, 3)))).toEqual([1]);
  const [{ output, agreement, difference, cosine, kl }] = tally.comparisons(3);
  expect(output).toBe('y');
  expect(agreement).toBeCloseTo(2 / 3, 12);
  expect(difference).toEqual({ median: 1, p90: 1, p99: 1, most: 1 });
  expect(cosine.least).toBeCloseTo(24 / 25, 12);
  expect(cosine.mean).toBeCloseTo((1 + 1 + 24 / 25) / 3, 12);
  // Softmax of (3, 4) against (4, 3): p·(p's logits − q's logits) = (0.7311 − 0.2689)·1.
  expect(kl?.most).toBeCloseTo(0.46212, 5);
});

test('a single value has no classes and no divergence; a NaN on one side differs without limit', () => {
  const tally = new OutputTally();
  const [nan, inf] = [Number.NaN, Number.POSITIVE_INFINITY];
  expect(tally.add(pair(tensor('y', 1, 1, nan, nan, inf), tensor('y', 1, 1.5, nan, 1, -inf)))).toEqual([
    0.5,
    0,
    inf,
    inf,
  ]);
  expect(tally.comparisons(4)).toMatchObject([{ agreement: null, kl: null }]);
});
