import { describe, expect, test } from '@jest/globals';
import { PROJECTED_WIDTH } from '../../../src/coverage/criteria/random-projection.ts';
import { values, WIDTH } from '../../../src/coverage/criteria/values.ts';
import { isFiniteVector } from '../../../src/coverage/observation.ts';
import { parameterValues } from '../../../src/extensions/parameters.ts';
import { randomVectors, runOf, tensorOf } from '../../support/observations.ts';

const make = (seed = 'seed', varying = false, width?: number) =>
  values.make(parameterValues(new Map(width === undefined ? [] : [['width', width]])), { seed, varying });

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
    const widthOf = (width: number, varying: boolean, most?: number): number =>
      make('seed', varying, most).observe(runOf(tensorOf('a', [new Array(width).fill(1)]))).length;
    expect(widthOf(WIDTH.default, false)).toBe(WIDTH.default);
    expect(widthOf(WIDTH.default + 1, false)).toBe(PROJECTED_WIDTH);
    expect(widthOf(3, true)).toBe(PROJECTED_WIDTH);
    expect([128, 129].map((width) => widthOf(width, false, 128))).toEqual([128, PROJECTED_WIDTH]);
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
