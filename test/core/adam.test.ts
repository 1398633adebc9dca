import { expect, test } from '@jest/globals';
import { Adam } from '../../src/core/adam.ts';

test('steps as worked out on paper', () => {
  const adam = new Adam(2, [0.9, 0.999]);
  const weights = Float64Array.of(1, -1);
  // First step: the means are the gradient and its square, so that each weight moves by the rate.
  adam.step(weights, Float64Array.of(4, -0.01), 0.1);
  expect(weights[0]).toBeCloseTo(0.9, 7);
  expect(weights[1]).toBeCloseTo(-0.9, 6);
  // Second: m = (0.9·0.4 + 0.1·2) / (1 − 0.81), v = (0.999·0.016 + 0.001·4) / (1 − 0.998001).
  adam.step(weights, Float64Array.of(2, 0), 0.1);
  const [m, v] = [(0.9 * 0.4 + 0.1 * 2) / (1 - 0.81), (0.999 * 0.016 + 0.001 * 4) / (1 - 0.998001)];
  expect(weights[0]).toBeCloseTo(0.9 - (0.1 * m) / Math.sqrt(v), 7);
});

test('reaches the minimum of a bowl', () => {
  const adam = new Adam(3);
  const weights = Float64Array.of(3, -2, 0.5);
  for (let step = 0; step < 400; step++)
    adam.step(
      weights,
      weights.map((w, i) => 2 * (w - i)),
      0.05,
    );
  for (const [i, w] of weights.entries()) expect(w).toBeCloseTo(i, 2);
});
