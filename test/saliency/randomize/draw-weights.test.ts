import { expect, test } from '@jest/globals';
import { drawNormal, randomStream } from '../../../src/core/random.ts';
import { drawWeights, weightStream } from '../../../src/saliency/randomize/draw-weights.ts';
import type { Tensor } from '../../../src/tensor/tensor.ts';

const random = randomStream('weights');
const weights: Tensor = {
  type: 'float32',
  shape: [40, 50],
  data: Float32Array.from({ length: 2000 }, () => 3 + 0.5 * drawNormal(random)),
};
const draws = (repeat: number) => ({ kind: 'permute', seed: 's', repeat }) as const;

test('permute: the same values in another order, another one for each draw', () => {
  const first = drawWeights(weights, 'permute', weightStream(draws(0), 'w'));
  expect(first).toMatchObject({ type: 'float32', shape: [40, 50] });
  expect(first.data).not.toEqual(weights.data);
  expect([...first.data].sort()).toEqual([...weights.data].sort());
  expect(drawWeights(weights, 'permute', weightStream(draws(0), 'w'))).toEqual(first);
  expect(drawWeights(weights, 'permute', weightStream(draws(1), 'w'))).not.toEqual(first);
  expect(drawWeights(weights, 'permute', weightStream(draws(0), 'v'))).not.toEqual(first);
  expect(weights.data).not.toEqual(first.data);
});

test('normal: draws with the mean and the deviation of the weights', () => {
  const { data } = drawWeights(weights, 'normal', weightStream({ ...draws(0), kind: 'normal' }, 'w'));
  const values = Array.from(data, Number);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
  expect(mean).toBeCloseTo(3, 1);
  expect(deviation).toBeCloseTo(0.5, 1);
  expect(values.filter((value) => weights.data.includes(value as never)).length).toBeLessThan(20);
});

test('whole numbers stay whole numbers of their type', () => {
  const integers: Tensor = { type: 'int8', shape: [2, 2], data: Int8Array.of(-128, 127, 100, -100) };
  const { data } = drawWeights(integers, 'normal', weightStream(draws(0), 'q'));
  expect(data).toBeInstanceOf(Int8Array);
});
