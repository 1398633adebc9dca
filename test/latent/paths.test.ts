import { expect, test } from '@jest/globals';
import { randomStream } from '../../src/core/random.ts';
import {
  drawPairs,
  measureSteps,
  NearestInputs,
  PATH_POINTS,
  pathBetween,
  rowsIn,
} from '../../src/latent/paths.ts';

test('pairs are of different inputs', () => {
  const pairs = drawPairs(3, 200, randomStream('pairs'));
  expect(pairs.every(([from, to]) => from !== to && from < 3 && to < 3)).toBe(true);
  expect(new Set(pairs.map(String)).size).toBe(6);
});

test('a path has both ends and even steps', () => {
  const points = rowsIn(pathBetween([0, 0], [3, 1.5], 'line'), 2);
  expect(points).toHaveLength(PATH_POINTS);
  expect([...points[0]]).toEqual([0, 0]);
  expect([...points[PATH_POINTS - 1]]).toEqual([3, 1.5]);
  expect(measureSteps(points).smoothness).toBeCloseTo(0, 6);
  const arc = rowsIn(pathBetween([1, 0], [0, 1], 'slerp'), 2);
  for (const point of arc) expect(Math.hypot(...point)).toBeCloseTo(1, 5);
});

test('one step with more than half of the length is a jump', () => {
  const points = (values: readonly number[]) => values.map((value) => [value]);
  expect(measureSteps(points([0, 0, 0, 5, 5]))).toEqual({ smoothness: 0.75, jumps: true });
  expect(measureSteps(points([0, 1, 2, 3, 4]))).toEqual({ smoothness: 0, jumps: false });
  expect(measureSteps(points([2, 2, 2]))).toEqual({ smoothness: undefined, jumps: false });
});

test('the distance to the nearest input is by direction', () => {
  const nearest = new NearestInputs([Float32Array.of(1, 0), Float32Array.of(0, 2)]);
  expect(nearest.distance(Float32Array.of(0, 7))).toBeCloseTo(0, 6);
  expect(nearest.distance(Float32Array.of(3, 3))).toBeCloseTo(1 - Math.SQRT1_2, 6);
});
