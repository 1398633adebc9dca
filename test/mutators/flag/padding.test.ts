import { expect, test } from '@jest/globals';
import { BoundsTracker } from '../../../src/constraints/bounds.ts';
import { givenOf, mutatorOf, traitsOf } from '../../support/mutators.ts';

/** Mutants of a mask of ones. */
function mutants(shape: readonly number[], count: number): number[][] {
  const size = shape.reduce((product, side) => product * side, 1);
  const input = traitsOf({ domains: ['numbers', 'mask'], size });
  const mutator = mutatorOf('padding', input);
  const bounds = new BoundsTracker('float32', size, { range: input.range });
  return Array.from({ length: count }, (_, n) => {
    const out = new Float32Array(size);
    mutator.mutate(out, 0, new Float32Array(size).fill(1), givenOf(n, bounds, shape));
    return [...out];
  });
}

test('a stretch of zeros stands at one end, of each length up to the whole row', () => {
  const seen = new Set(mutants([4], 400).map((row) => row.join('')));
  expect([...seen].sort()).toEqual(['0000', '0001', '0011', '0111', '1000', '1100', '1110', '1111']);
});

test('all rows of a mask for several queries are padded alike, or one alone', () => {
  const all = mutants([3, 4], 400).map((values) =>
    [0, 1, 2].map((row) => values.slice(4 * row, 4 * row + 4).join('')),
  );
  expect(all.some((rows) => rows.every((row) => row === '1100'))).toBe(true);
  expect(all.some((rows) => rows.join() === '1111,0000,1111')).toBe(true);
});
