import { expect, test } from '@jest/globals';
import { norm } from '../../../src/coverage/criteria/norm.ts';
import { parameterValues } from '../../../src/extensions/parameters.ts';
import { runOf, tensorOf } from '../../support/observations.ts';

const criterion = norm.make(parameterValues(), { seed: 'seed', varying: false });

test('norm gives the length of each tensor', () => {
  const run = runOf(
    tensorOf('a', [
      [3, 4],
      [-6, 8],
    ]),
    { name: 'b', type: 'int32', size: 1, shape: [], data: Int32Array.of(-2, 5) },
  );
  expect([...criterion.observe(run)]).toEqual([5, 2, 10, 5]);
});

test('its threshold is a twenty-fifth of the median step of one length, and the median of several', () => {
  const line = Array.from({ length: 1000 }, (_, i) => ({
    from: Float32Array.of(0),
    vector: Float32Array.of(Math.sqrt(i + 1)),
  }));
  const plane = line.map(({ vector }) => ({
    from: Float32Array.of(0, 0),
    vector: Float32Array.of(0, vector[0]),
  }));
  expect(criterion.calibrate?.(line)).toBeCloseTo(501 / 25, 2);
  expect(criterion.calibrate?.(plane)).toBeCloseTo(501, 2);
  const coarse = norm.make(parameterValues(new Map([['cell', 3]])), { seed: 'seed', varying: false });
  expect(coarse.calibrate?.(line)).toBeCloseTo(9 * 501, 2);
  const still = { from: Float32Array.of(1), vector: Float32Array.of(1) };
  expect(criterion.calibrate?.([still])).toBeUndefined();
});

test('lengths of finite values are finite, however large', () => {
  const largest = 3.4028234663852886e38;
  const halves = {
    name: 'd',
    type: 'float64' as const,
    size: 2,
    shape: [2],
    data: Float64Array.of(3e160, 4e160),
  };
  expect([...criterion.observe(runOf(tensorOf('a', [[3e30, 4e30]])))]).toEqual([Math.fround(5e30)]);
  expect([...criterion.observe(runOf(tensorOf('a', [[largest, -largest, largest]])))]).toEqual([largest]);
  expect([...criterion.observe(runOf(halves))]).toEqual([largest]);
  expect([...criterion.observe(runOf(tensorOf('a', [[1, Number.NEGATIVE_INFINITY]])))]).toEqual([
    Number.POSITIVE_INFINITY,
  ]);
  expect([...criterion.observe(runOf(tensorOf('a', [[Number.NaN, 1e38]])))]).toEqual([Number.NaN]);
});
