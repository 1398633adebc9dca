import { expect, test } from '@jest/globals';
import { squaredDistance } from '../../../src/coverage/observation.ts';
import { resolveCriterion } from '../../../src/coverage/registry.ts';
import { runOf, tensorOf } from '../../support/observations.ts';

const settings = { seed: '1', varying: false };

test('an observation is the length of each tensor, then the values, weighted relative to their root mean square', async () => {
  const { observe } = await resolveCriterion('norm-values:weight=0.5', settings);
  const run = runOf(
    tensorOf('a', [
      [3, 4],
      [0, 0],
    ]),
    tensorOf('b', [
      [0, -2],
      [1, 0],
    ]),
  );
  // Four values: a weight of 0.5 over a root of 2.
  const expected = [5, 2, 0.75, 1, 0, -0.5, 0, 1, 0, 0, 0.25, 0];
  expect([...observe(run)]).toEqual(expected);
});

test('of two vectors of one length the distance is the weighted mean square of their differences', async () => {
  const { observe } = await resolveCriterion('norm-values:weight=0.1', settings);
  const observations = observe(
    runOf(
      tensorOf('a', [
        [3, 4],
        [4, 3],
        [6, 8],
      ]),
    ),
  );
  const [first, second, third] = [0, 1, 2].map((row) => observations.slice(3 * row, 3 * row + 3));
  expect(squaredDistance(first, 0, second)).toBeCloseTo(0.01 * ((1 + 1) / 2), 6);
  expect(squaredDistance(first, 0, third)).toBeCloseTo(25 + 0.01 * ((9 + 16) / 2), 4);
});

test('the threshold is that of norm, whatever the values do', async () => {
  const runs = [
    [3, 4],
    [4, 3],
    [0, 7],
    [8, 0],
    [0, -2],
    [1, 1],
  ].map((row) => runOf(tensorOf('a', [row])));
  const threshold = async (spec: string) => {
    const { observe, calibrate } = await resolveCriterion(spec, settings);
    const vectors = runs.map((run) => observe(run).slice());
    return calibrate(vectors.slice(1).map((vector, i) => ({ vector, from: vectors[i] })));
  };
  const expected = await threshold('norm:cell=0.3');
  expect(expected).toBeGreaterThan(0);
  expect(await threshold('norm-values:cell=0.3')).toBeCloseTo(expected ?? Number.NaN, 6);
});

test('wide tensors are projected beside their lengths', async () => {
  const { observe } = await resolveCriterion('norm-values', settings);
  const row = Array.from({ length: 300 }, (_, i) => Math.sin(i));
  const observation = observe(runOf(tensorOf('a', [row])));
  expect(observation).toHaveLength(65);
  expect(observation[0]).toBeCloseTo(Math.hypot(...row), 3);
});
