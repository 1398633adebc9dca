import { expect, test } from '@jest/globals';
import { calibrateByQuantile, stepQuantile } from '../../src/coverage/calibration.ts';

/** Steps with the squared lengths 1 to `count`. */
const walk = (count: number) =>
  Array.from({ length: count }, (_, i) => ({
    from: Float32Array.of(0),
    vector: Float32Array.of(Math.sqrt(i + 1)),
  }));
const still = { from: Float32Array.of(1), vector: Float32Array.of(1) };

test('the threshold is the squared length that one step in a hundred exceeds', () => {
  expect(calibrateByQuantile(walk(1000))).toBeCloseTo(991, 2);
});

test('steps that do not move count for nothing, and of such alone there is no quantile', () => {
  expect(stepQuantile([...walk(3), still, still, still], 0.5)).toBeCloseTo(2, 6);
  expect(stepQuantile(walk(4), 1)).toBeCloseTo(4, 6);
  expect(stepQuantile([still, still], 0.5)).toBeUndefined();
  expect(calibrateByQuantile([])).toBeUndefined();
});
