import { expect, test } from '@jest/globals';
import { figuresOf, measurePaths, worstPaths } from '../../src/latent/check-paths.ts';

const point = (...values: number[]): Float32Array => Float32Array.from(values);
const INPUTS = [point(1, 0), point(0, 1)];
const EVEN = [point(1, 0), point(0.5, 0.5), point(0, 1)];
const JUMP = [point(1, 0), point(1, 0), point(0, 1)];

test('paths are measured by distance, steps and classes, and averaged', () => {
  const measured = measurePaths(
    INPUTS,
    [EVEN, JUMP],
    [EVEN, JUMP],
    [
      [3, 4, 3],
      [3, 3, 4],
    ],
  );
  expect(measured[0]).toMatchObject({ pair: 0, jumps: false, staysInClass: false });
  expect(measured[0].distance).toBeCloseTo((1 - Math.SQRT1_2) / 3, 6);
  expect(measured[1]).toMatchObject({
    pair: 1,
    distance: 0,
    smoothness: 0.5,
    jumps: true,
    staysInClass: undefined,
  });
  const figures = figuresOf(measured, false, 0.01);
  expect(figures.distance).toBeCloseTo((1 - Math.SQRT1_2) / 6 - 0.01, 6);
  expect(figures).toMatchObject({ leftOut: 0, jumps: 0.5, consistency: 0 });
  expect(worstPaths(measured, 1).map(({ pair }) => pair)).toEqual([1]);
});

test('a path that stays in the class of both ends is consistent', () => {
  expect(figuresOf(measurePaths(INPUTS, [EVEN], [EVEN], [[2, 2, 2]]), false).consistency).toBe(1);
  expect(figuresOf(measurePaths(INPUTS, [EVEN], [EVEN], undefined), false).consistency).toBeNull();
});
