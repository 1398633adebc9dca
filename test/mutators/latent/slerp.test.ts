import { expect, test } from '@jest/globals';
import { slerp } from '../../../src/mutators/latent/slerp.ts';

function between(a: readonly number[], b: readonly number[], share: number): number[] {
  const out = new Float32Array(a.length);
  slerp(out, a, b, share);
  return [...out];
}

test('goes along the arc between the directions, with the length in between', () => {
  const [x, y] = between([1, 0], [0, 3], 0.5);
  expect(x).toBeCloseTo(Math.SQRT2, 5);
  expect(y).toBeCloseTo(Math.SQRT2, 5);
  expect(between([1, 0], [0, 3], 0)[0]).toBeCloseTo(1, 6);
  expect(between([1, 0], [0, 3], 1)[1]).toBeCloseTo(3, 6);
  const third = between([2, 0], [0, 2], 1 / 3);
  expect(Math.hypot(...third)).toBeCloseTo(2, 5);
  expect(Math.atan2(third[1], third[0])).toBeCloseTo(Math.PI / 6, 5);
});

test('is the line where directions are the same, opposite or unknown', () => {
  expect(between([1, 1], [3, 3], 0.25)).toEqual([1.5, 1.5]);
  expect(between([1, 0], [-1, 0], 0.25)).toEqual([0.5, 0]);
  expect(between([0, 0], [4, 2], 0.5)).toEqual([2, 1]);
});
