import { describe, expect, test } from '@jest/globals';
import { CovarianceEstimate } from '../../../src/coverage/feedback/covariance-estimate.ts';
import { covarianceFeedback, LayerCovariances } from '../../../src/coverage/feedback/covariance-feedback.ts';

/** One layer of two neurons. */
const seen = (a: number, b: number): Float32Array => Float32Array.of(2, a, b);

function covarianceOf(points: readonly (readonly number[])[]): number[][] {
  const mean = points[0].map((_, i) => points.reduce((sum, point) => sum + point[i] / points.length, 0));
  return mean.map((_, i) =>
    mean.map((_, j) =>
      points.reduce((sum, point) => sum + ((point[i] - mean[i]) * (point[j] - mean[j])) / points.length, 0),
    ),
  );
}

test('the estimate is the covariance of all inputs, and a gain what one more adds to its norm', () => {
  const points = [
    [1, 2, 0],
    [3, -1, 4],
    [-2, 5, 1],
    [0, 0, 9],
  ];
  const estimate = new CovarianceEstimate(3);
  for (const point of points.slice(0, 3)) estimate.add(Float32Array.from(point), 0);
  const norm = (covariance: number[][]): number =>
    covariance.flat().reduce((sum, value) => sum + Math.abs(value) / 9, 0);
  const [before, after] = [3, 4].map((count) => norm(covarianceOf(points.slice(0, count))));
  expect(estimate.norm).toBeCloseTo(before, 10);
  expect(estimate.gain(Float32Array.from(points[3]), 0)).toBeCloseTo(after - before, 10);
  const restored = CovarianceEstimate.restore(3, estimate.save());
  expect(restored.gain(Float32Array.from(points[3]), 0)).toBeCloseTo(after - before, 5);
});

describe('covariance feedback', () => {
  test('an observation is new where it raises the covariances by more than the threshold', () => {
    const history = covarianceFeedback.openHistory(3);
    for (const observation of [seen(0, 0), seen(2, 2)]) history.add(observation);
    expect(history.score(seen(1, 1))).toBe(0);
    // Points (0,0), (2,2), (5,5): variances 38/9 in place of 1.
    expect(history.score(seen(5, 5))).toBeCloseTo(38 / 9 - 1, 6);
    const filter = history.filter(1);
    const batch = Float32Array.from([...seen(5, 5), ...seen(1, 2), ...seen(Number.NaN, 9)]);
    expect([0, 1, 2].map((row) => filter.isNew(batch, row, seen(0, 0)))).toEqual([true, false, false]);
    filter.accept(seen(500, 500));
    // In the task alone: after 500, 5 is nothing; the history itself does not know it.
    expect(filter.isNew(batch, 0, seen(0, 0))).toBe(false);
    expect(history.score(seen(5, 5))).toBeCloseTo(38 / 9 - 1, 6);
  });

  test('a history may begin with what reference inputs gave', () => {
    const covariances = new LayerCovariances();
    for (const observation of [seen(-9, 9), seen(9, -9)]) covariances.add(observation, 0, 3, false);
    const history = covarianceFeedback.openHistory(3, { reference: covariances.save() });
    expect(history.score(seen(5, 5))).toBe(0);
    expect(history.score(seen(50, 5))).toBeGreaterThan(0);
  });

  test('few observations that raise the covariances stand for all', () => {
    const vectors = Float32Array.from(
      [seen(0, 0), seen(1, 1), seen(0.5, 0.5), seen(9, -9)].flatMap((v) => [...v]),
    );
    const options = { required: [], dependenciesOf: () => [] };
    const { chosen } = covarianceFeedback.minimize({ vectors, width: 3 }, { ...options, reach: 0 });
    expect(chosen).toEqual([0, 1, 3]);
    const few = covarianceFeedback.minimize({ vectors, width: 3 }, { ...options, reach: 0, max: 2 });
    expect(few.chosen.length).toBeLessThanOrEqual(2);
    const needed = covarianceFeedback.minimize(
      { vectors, width: 3 },
      { reach: 0, required: [2], dependenciesOf: (observation) => (observation === 2 ? [1] : []) },
    );
    expect(needed.chosen).toEqual(expect.arrayContaining([1, 2]));
  });
});
