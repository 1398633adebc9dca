import { describe, expect, test } from '@jest/globals';
import { drawNormal, randomStream } from '../../../../src/core/random.ts';
import { GaussianKde } from '../../../../src/coverage/criteria/surprise/gaussian-kde.ts';

describe('kernel density', () => {
  test('of two points on a line, worked out by hand', () => {
    // The variance is 8, Scott's factor 2^(−1/5).
    const bandwidth = 8 * 2 ** (-2 / 5);
    const kernel = (distance: number) =>
      Math.exp(-(distance ** 2) / (2 * bandwidth)) / Math.sqrt(2 * Math.PI * bandwidth);
    const density = new GaussianKde(Float64Array.of(0, 4), 1);
    for (const point of [-3, 0, 1, 2, 10])
      expect(density.logDensity(Float64Array.of(point))).toBeCloseTo(
        Math.log((kernel(point) + kernel(point - 4)) / 2),
        12,
      );
  });

  test('of fewer points than dimensions: correlations are shrunk, worked out by hand', () => {
    // The covariance of (0, 0) and (2, 2) is 2 everywhere. The intensity is its least, 1/2: [[2, 1], [1, 2]], with determinant 3.
    const scott = 2 ** (-1 / 6);
    const density = new GaussianKde(Float64Array.of(0, 0, 2, 2), 2);
    const normalization = 2 * Math.PI * Math.sqrt(3) * scott ** 2;
    // (2, 2)·[[2, −1], [−1, 2]]/3·(2, 2) = 8/3, and of (1, −1) it is 2.
    const far = Math.exp(-8 / 3 / scott ** 2 / 2);
    expect(density.logDensity(Float64Array.of(0, 0))).toBeCloseTo(
      Math.log((1 + far) / 2 / normalization),
      12,
    );
    expect(density.logDensity(Float64Array.of(2, 0))).toBeCloseTo(
      // (2, 0) and (0, −2) are as far from it: 8/3 each.
      Math.log(far / normalization),
      12,
    );
  });

  test('the intensity follows from how much the correlations vary', () => {
    // Many points in two dimensions are not shrunk; the same ones with a copy of a dimension are, but hardly.
    const random = randomStream('points');
    const points = Array.from({ length: 400 }, () => [drawNormal(random), drawNormal(random)]);
    const plain = new GaussianKde(Float64Array.from(points.flat()), 2);
    const copied = new GaussianKde(Float64Array.from(points.flatMap(([x, y]) => [x, y, x])), 3);
    const within = copied.logDensity(Float64Array.of(0.5, 0.5, 0.5));
    expect(Number.isFinite(within)).toBe(true);
    // What breaks the equality is far less likely than without it.
    expect(copied.logDensity(Float64Array.of(0.5, 0.5, -0.5))).toBeLessThan(within - 5);
    expect(plain.logDensity(Float64Array.of(0.5, 0.5))).toBeCloseTo(Math.log(0.125), 0);
  });

  test('does not depend on the order of points that are linear in each other up to single precision', () => {
    // A layer and the logits behind it: the covariance is singular but for rounding.
    const random = randomStream('linear');
    const weights = Array.from({ length: 3 }, () => Array.from({ length: 6 }, () => drawNormal(random)));
    const rows = Array.from({ length: 300 }, () => {
      const layer = Float32Array.from({ length: 6 }, () => drawNormal(random));
      const logits = weights.map((row) => Math.fround(row.reduce((sum, w, i) => sum + w * layer[i], 0)));
      return [...layer, ...logits];
    });
    const densityOf = (order: readonly number[]) =>
      new GaussianKde(Float64Array.from(order.flatMap((i) => rows[i])), 9);
    const inOrder = densityOf(rows.map((_, i) => i));
    const orders = [1, 7, 11, 13, 17].map((step) => densityOf(rows.map((_, i) => (i * step) % 300)));
    for (const density of orders)
      for (const i of [0, 50, 200]) {
        const point = Float64Array.from(rows[i]);
        expect(density.logDensity(point)).toBeCloseTo(inOrder.logDensity(point), 6);
      }
  });

  test('is that of all points, however far away most are', () => {
    const random = randomStream('clusters');
    const points = Float64Array.from(
      { length: 203 * 40 },
      (_, i) => (i % 2 === 0 ? 30 : 0) + drawNormal(random),
    );
    const density = new GaussianKde(points, 40);
    const shuffled = new GaussianKde(
      Float64Array.from(
        Array.from({ length: 203 }, (_, i) => [...points.subarray((202 - i) * 40, (203 - i) * 40)]).flat(),
      ),
      40,
    );
    for (let i = 0; i < 203; i += 20) {
      const point = points.slice(i * 40, (i + 1) * 40);
      expect(density.logDensity(point)).toBeCloseTo(shuffled.logDensity(point), 9);
    }
  });

  test('is not a number where a dimension does not vary, or there is one point', () => {
    expect(new GaussianKde(Float64Array.of(1, 2, 1, 3), 2).logDensity(Float64Array.of(1, 2))).toBeNaN();
    expect(new GaussianKde(Float64Array.of(1, 2), 2).logDensity(Float64Array.of(1, 2))).toBeNaN();
    expect(new GaussianKde(new Float64Array(0), 0).logDensity(new Float64Array(0))).toBeNaN();
  });
});
