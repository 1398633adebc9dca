import { describe, expect, test } from '@jest/globals';
import { randomStream } from '../../../src/core/random.ts';
import { drawPatchShare } from '../../../src/mutators/numeric/square.ts';
import { boundsOf, mutantOf, traitsOf } from '../../support/mutators.ts';

const INPUT = traitsOf({ type: 'float64', size: 3 * 20 * 20, range: { low: -1, high: 1 } });
const SHAPES: readonly (readonly number[])[] = [
  [20, 20, 3],
  [3, 20, 20],
];

/** Mutants of zeros as values by row, column and channel. */
function mutants(shape: readonly number[], strength: number, count = 40): number[][][][] {
  const isChannelsFirst = shape[0] === 3;
  return Array.from({ length: count }, (_, key) => {
    const out = mutantOf('square', new Float64Array(1200), INPUT, shape, key, {}, { strength });
    return Array.from({ length: 20 }, (_, y) =>
      Array.from({ length: 20 }, (_, x) =>
        Array.from({ length: 3 }, (_, c) =>
          isChannelsFirst ? out[c * 400 + y * 20 + x] : out[(y * 20 + x) * 3 + c],
        ),
      ),
    );
  });
}

describe.each(SHAPES)('in pictures of %d×%d×%d', (...shape) => {
  test('a square of the share of the area goes to the ends of the range, each channel to one of them', () => {
    const seen = new Set<string>();
    for (const picture of mutants(shape, 0.09)) {
      const rows = picture.flatMap((row, y) => (row.some((pixel) => pixel.some(Boolean)) ? [y] : []));
      const columns = Array.from({ length: 20 }, (_, x) => x).filter((x) =>
        picture.some((row) => row[x][0] !== 0),
      );
      expect([rows.length, columns.length]).toEqual([6, 6]);
      expect([rows[5] - rows[0], columns[5] - columns[0]]).toEqual([5, 5]);
      const signs = picture[rows[0]][columns[0]];
      expect(signs.map(Math.abs)).toEqual([1, 1, 1]);
      for (const y of rows) for (const x of columns) expect(picture[y][x]).toEqual(signs);
      seen.add(signs.join());
    }
    expect(seen.size).toBeGreaterThan(4);
  });

  test('at a share of 1 each column goes to one end, the same in all rows', () => {
    for (const picture of mutants(shape, 1, 5)) {
      for (const row of picture) expect(row.map(([red]) => red)).toEqual(picture[0].map(([red]) => red));
      const ends = new Set(picture[0].map(([red]) => red));
      expect([...ends].sort()).toEqual([-1, 1]);
    }
  });
});

test('within an L∞ ball the ends are those of the ball, where the range reaches as far', () => {
  const seed = Float64Array.from({ length: 1200 }, (_, i) => (i < 600 ? 0.5 : -1));
  const bounds = boundsOf('float64', 1200, { ...INPUT, linf: 0.2 }).centreOn(seed);
  const out = mutantOf('square', seed, INPUT, [20, 20, 3], 1, {}, { strength: 1, bounds });
  const moves = new Set(Array.from(out, (value, i) => Number((value - seed[i]).toFixed(6))));
  expect([...moves].sort((a, b) => a - b)).toEqual([-0.2, 0, 0.2]);
});

test('a vector has runs, and at a share of 1 a corner of the ball', () => {
  const runs = Array.from({ length: 20 }, (_, key) =>
    mutantOf(
      'square',
      new Float64Array(64),
      traitsOf({ type: 'float64', range: { low: -1, high: 1 } }),
      [64],
      key,
      {},
      {
        strength: 0.25,
      },
    ),
  );
  for (const run of runs) expect(run.filter((value) => value !== 0)).toHaveLength(16);
  const corner = mutantOf(
    'square',
    new Float64Array(64),
    traitsOf({ type: 'float64', range: { low: -1, high: 1 } }),
    [64],
    1,
    {},
    { strength: 1 },
  );
  expect(new Set(corner.map(Math.abs))).toEqual(new Set([1]));
  expect(new Set(corner)).toEqual(new Set([-1, 1]));
});

test('patches become smaller the longer the search lasts', () => {
  const random = randomStream('patches');
  const meanAt = (queries: number): number =>
    Array.from({ length: 200 }, () => drawPatchShare(queries, random)).reduce((sum, share) => sum + share) /
    200;
  expect(drawPatchShare(0, random)).toBe(1);
  const means = [1, 4, 20, 50, 100, 200, 400, 800, 1200, 2000].map(meanAt);
  expect(means).toEqual([...means].sort((a, b) => b - a));
  expect(means[0]).toBeLessThan(1);
  expect(means[9]).toBeGreaterThan(0);
  expect(means[9]).toBeLessThan(0.01);
});
