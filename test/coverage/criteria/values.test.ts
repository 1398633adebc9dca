import { describe, expect, test } from '@jest/globals';
import { PROJECTED_WIDTH } from '../../../src/coverage/criteria/random-projection.ts';
import { MAX_UNPROJECTED_WIDTH, values } from '../../../src/coverage/criteria/values.ts';
import { isFiniteVector } from '../../../src/coverage/observation.ts';
import { randomVectors, runOf, tensorOf } from '../../support/observations.ts';

const make = (seed = 'seed', varying = false) => values.make({ seed, varying });

describe('values', () => {
  test('joins the tensors row by row', () => {
    const run = runOf(
      tensorOf('a', [
        [3, 4],
        [-6, 8],
      ]),
      { name: 'b', type: 'int32', size: 1, shape: [], data: Int32Array.of(-2, 5) },
    );
    expect([...make().observe(run)]).toEqual([3, 4, -2, -6, 8, 5]);
  });

  test('projects what is wider than is compared as it is, and whatever varies in size', () => {
    const widthOf = (width: number, varying: boolean): number =>
      make('seed', varying).observe(runOf(tensorOf('a', [new Array(width).fill(1)]))).length;
    expect(widthOf(MAX_UNPROJECTED_WIDTH, false)).toBe(MAX_UNPROJECTED_WIDTH);
    expect(widthOf(MAX_UNPROJECTED_WIDTH + 1, false)).toBe(PROJECTED_WIDTH);
    expect(widthOf(3, true)).toBe(PROJECTED_WIDTH);
  });

  test('projects by the seed alone, and a row that is not finite stays so', () => {
    const rows = randomVectors(4, 5000, 'wide').map((row) => [...row]);
    const run = runOf(tensorOf('a', rows));
    const projected = make().observe(run);
    expect(make().observe(run)).toEqual(projected);
    expect(make('other').observe(run)).not.toEqual(projected);
    rows[0][17] = Number.NaN;
    const broken = make().observe(runOf(tensorOf('a', rows.slice(0, 2))));
    expect(isFiniteVector(broken, 0, PROJECTED_WIDTH)).toBe(false);
    expect(isFiniteVector(broken, PROJECTED_WIDTH, PROJECTED_WIDTH)).toBe(true);
  });
});
