import { describe, expect, test } from '@jest/globals';
import { PROJECTED_WIDTH, RandomProjection } from '../../../src/coverage/criteria/random-projection.ts';
import { squaredDistance } from '../../../src/coverage/observation.ts';
import { randomVectors } from '../../support/observations.ts';

const WIDTH = 5000;
const dense = randomVectors(40, WIDTH, 'wide');
// As after a relu: most values are zero, and neighbours are alike.
const sparse = dense.map((row) => row.map((value, i) => (i % 7 === 0 ? Math.max(0, value) : 0)));

describe('a random projection', () => {
  test.each([
    ['dense', dense],
    ['sparse', sparse],
  ])('keeps squared distances of %s vectors to some 18 %', (_, rows) => {
    const joined = Float32Array.from(rows.flatMap((row) => [...row]));
    const projected = new RandomProjection(WIDTH, 'seed').project(joined, rows.length);
    const at = (row: number) => projected.subarray(row * PROJECTED_WIDTH, (row + 1) * PROJECTED_WIDTH);
    const ratios: number[] = [];
    for (let a = 0; a < rows.length; a++)
      for (let b = 0; b < a; b++)
        ratios.push(squaredDistance(at(a), 0, at(b)) / squaredDistance(rows[a], 0, rows[b]));
    const mean = ratios.reduce((sum, ratio) => sum + ratio, 0) / ratios.length;
    const deviation = Math.sqrt(ratios.reduce((sum, ratio) => sum + (ratio - mean) ** 2, 0) / ratios.length);
    expect(Math.abs(mean - 1)).toBeLessThan(0.1);
    expect(deviation).toBeLessThan(0.25);
  });

  test('projects the values that two widths have in common alike', () => {
    const [short, long] = [Float32Array.of(1, 2, 3), Float32Array.of(1, 2, 3, 0, 0)];
    expect(new RandomProjection(3, 'seed').project(short, 1)).toEqual(
      new RandomProjection(5, 'seed').project(long, 1),
    );
  });

  test('adds every value once, with its sign', () => {
    const projected = new RandomProjection(3, 'seed').project(Float32Array.of(4, 0, 0), 1);
    expect([...projected].filter((value) => value !== 0).map(Math.abs)).toEqual([4]);
  });
});
