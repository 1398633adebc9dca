import { describe, expect, test } from '@jest/globals';
import type { TokenSlope } from '../../../src/mutators/mutator.ts';
import { boundsOf, mutantOf, traitsOf } from '../../support/mutators.ts';

const SPECIAL = 0;
const LENGTH = 4;
const INPUT = traitsOf({
  type: 'int64',
  domains: ['tokens'],
  size: LENGTH,
  range: { low: 0, high: 9 },
  tokens: { special: [SPECIAL], length: [1, LENGTH], vocabulary: undefined, dictionary: [] },
});
const PARENT = Float64Array.of(SPECIAL, 3, 4, 5);

/** Of each position two replacements: token 7 by a large gain, token 8 by a small one; at the last none gains. */
const REPLACEMENTS: TokenSlope = {
  tokens: Int32Array.of(7, 8, 7, 8, 7, 8, 7, 8),
  gains: Float32Array.of(9, 9, 2, 1, 0.5, 0.25, -1, -2),
  count: 2,
};

function mutants(index: number, bounds = boundsOf('int64', LENGTH, INPUT)): number[][] {
  return Array.from({ length: 200 }, (_, key) =>
    Array.from(
      mutantOf(
        'hotflip',
        PARENT,
        INPUT,
        [LENGTH],
        key,
        {},
        {
          replacements: REPLACEMENTS,
          bounds,
          mutantIndex: index,
        },
      ),
    ),
  );
}

/** How often each position was changed. */
function changesOf(list: readonly (readonly number[])[]): number[] {
  return [...PARENT].map((id, i) => list.filter((mutant) => mutant[i] !== id).length);
}

describe('hotflip', () => {
  test('replaces tokens only by those that are forecast to gain, and leaves special ones in place', () => {
    for (const index of [0, 4]) {
      const [special, first, second, last] = changesOf(mutants(index));
      expect([special, last]).toEqual([0, 0]);
      expect(first).toBeGreaterThan(0);
      expect(second).toBeGreaterThan(0);
    }
  });

  test('takes the best of many draws nearly always, and of few less often', () => {
    const best = (list: readonly number[][]): number => list.filter(([, first]) => first === 7).length;
    expect(best(mutants(4))).toBe(200);
    expect(best(mutants(0))).toBeLessThan(180);
    expect(best(mutants(0))).toBeGreaterThan(60);
  });

  test('keeps to what is legal at a position', () => {
    const bounds = boundsOf('int64', LENGTH, INPUT);
    const fixed = { ...bounds, low: bounds.low.slice(), high: bounds.high.slice() };
    fixed.low[1] = 3;
    fixed.high[1] = 3;
    fixed.high[2] = 7;
    const list = mutants(4, fixed as typeof bounds);
    expect(changesOf(list)[1]).toBe(0);
    expect(new Set(list.map((mutant) => mutant[2]))).toEqual(new Set([7]));
  });

  test('edits without the gradient in three mutants of eight, so that tokens move as well', () => {
    const moved = mutants(6).filter((mutant) => mutant[1] !== PARENT[1] && mutant.slice(1).includes(3));
    expect(moved.length).toBeGreaterThan(20);
    for (const mutant of mutants(6)) expect(mutant[0]).toBe(SPECIAL);
  });

  test('is the parent where nothing gains', () => {
    const gains = new Float32Array(2 * LENGTH);
    const mutant = mutantOf(
      'hotflip',
      PARENT,
      INPUT,
      [LENGTH],
      1,
      {},
      {
        replacements: { ...REPLACEMENTS, gains },
        bounds: boundsOf('int64', LENGTH, INPUT),
      },
    );
    expect([...mutant]).toEqual([...PARENT]);
  });

  test('without a gradient replaces tokens by any', () => {
    const mutant = mutantOf('hotflip', PARENT, INPUT, [LENGTH], 1);
    expect(mutant[0]).toBe(SPECIAL);
    expect([...mutant]).not.toEqual([...PARENT]);
  });
});
