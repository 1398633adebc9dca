import { expect, test } from '@jest/globals';
import { BoundsTracker } from '../../../src/constraints/bounds.ts';
import { givenOf, mutatorOf, traitsOf } from '../../support/mutators.ts';

/** The different mutants of a mask of ones, a row of digits for each query. */
function mutants(shape: readonly number[]): string[] {
  const size = shape.reduce((product, side) => product * side, 1);
  const width = shape.at(-1) ?? 1;
  const input = traitsOf({ domains: ['numbers', 'mask'], size });
  const mutator = mutatorOf('causal', input);
  const bounds = new BoundsTracker('float32', size, { range: input.range });
  const drawn = Array.from({ length: 300 }, (_, n) => {
    const out = new Float32Array(size);
    mutator.mutate(out, 0, new Float32Array(size).fill(1), givenOf(n, bounds, shape));
    return Array.from({ length: size / width }, (_, row) =>
      out.slice(row * width, (row + 1) * width).join(''),
    ).join(' ');
  });
  return [...new Set(drawn)].sort();
}

test('each place sees itself and those before it, or the diagonal is shifted', () => {
  expect(mutants([3, 3])).toEqual([
    '000 000 000',
    '000 000 100',
    '000 100 110',
    '100 110 111',
    '110 111 111',
    '111 111 111',
  ]);
});

test('further dimensions before the last two have a diagonal each', () => {
  expect(mutants([2, 2, 2])).toContain('10 11 10 11');
});

test('a mask of one dimension is masked behind a place', () => {
  expect(mutants([3])).toEqual(['000', '100', '110', '111']);
});
