import { expect, test } from '@jest/globals';
import { randomStream } from '../../src/core/random.ts';
import { figuresOf, measureLinePaths } from '../../src/latent/check-paths.ts';
import { drawLine, measureLinePath, ReferenceLines, unwrap } from '../../src/latent/lines.ts';
import { PATH_POINTS, pathBetween, rowsIn } from '../../src/latent/paths.ts';

const lines = new ReferenceLines();
const random = randomStream('lines test');

/** Two angles that are not nearly the same. */
const ANGLES = Array.from({ length: 64 }, () => {
  const from = 2 * Math.PI * random.uniform();
  return [from, from + (0.2 + 2.7 * random.uniform()) * (random.uniform() < 0.5 ? -1 : 1)];
});

test('a line goes from the middle to the edge, white on black', () => {
  const right = drawLine(0);
  expect(right[15 * 32 + 20]).toBe(1);
  expect(right[16 * 32 + 20]).toBe(1);
  expect(right[17 * 32 + 20]).toBe(-1);
  expect(right[16 * 32 + 10]).toBe(-1);
  expect(drawLine(Math.PI / 2)[5 * 32 + 15]).toBeCloseTo(1, 5);
  expect(drawLine(Math.PI / 8).some((value) => value > -1 && value < 1)).toBe(true);
});

test('the nearest line has the angle of the picture', () => {
  for (const [angle] of ANGLES.slice(0, 8)) {
    const { angle: found, distance } = lines.nearest(drawLine(angle));
    const off = Math.abs(((found - angle + 5 * Math.PI) % (2 * Math.PI)) - Math.PI);
    expect(off).toBeLessThan(0.001);
    expect(distance).toBeLessThan(1e-6);
  }
});

test('true lines along the angle are even, and one jump is the worst', () => {
  const even = ANGLES.map(([from, to]) =>
    Array.from({ length: PATH_POINTS }, (_, i) => drawLine(from + ((to - from) * i) / (PATH_POINTS - 1))),
  );
  const figures = figuresOf(measureLinePaths(lines, even.slice(0, 4)), true);
  expect(figures.distance).toBeLessThan(1e-6);
  // 0.0018 with angles from all around; the shorter ones here have a coarser grid of references.
  expect(figures.smoothness).toBeLessThan(0.004);
  const jump = ANGLES.slice(0, 4).map(([from, to]) =>
    Array.from({ length: PATH_POINTS }, (_, i) => drawLine(i < 7 ? from : to)),
  );
  const jumping = figuresOf(measureLinePaths(lines, jump), true);
  expect(jumping.distance).toBeLessThan(1e-6);
  expect(jumping.smoothness).toBeCloseTo(14 / 15, 4);
});

test('a mix of pixels is between the two lines, and jumps', () => {
  const mixes = ANGLES.slice(0, 16).map(([from, to]) =>
    rowsIn(pathBetween(drawLine(from), drawLine(to), 'line'), 32 * 32),
  );
  const figures = figuresOf(measureLinePaths(lines, mixes), true);
  expect(figures.distance).toBeGreaterThan(0.8 * 7e-3);
  expect(figures.distance).toBeLessThan(1.2 * 7e-3);
  expect(figures.smoothness).toBeGreaterThan(0.8 * 0.874);
});

test('a path whose angle hardly changes has no smoothness', () => {
  const still = Array.from({ length: PATH_POINTS }, () => drawLine(1));
  expect(measureLinePath(lines, still).smoothness).toBeUndefined();
  const figures = figuresOf(measureLinePaths(lines, [still]), true);
  expect(figures).toMatchObject({ smoothness: null, leftOut: 1, jumps: null });
});

test('angles go the shorter way round', () => {
  expect(unwrap([6.2, 0.1, 0.3]).map((angle) => Number(angle.toFixed(3)))).toEqual([6.2, 6.383, 6.583]);
  expect(unwrap([0.1, 6.2])[1]).toBeCloseTo(6.2 - 2 * Math.PI, 6);
});
