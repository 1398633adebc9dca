import { expect, test } from '@jest/globals';
import type { MutationContext } from '../../../src/mutators/mutator.ts';
import { mutantOf, traitsOf } from '../../support/mutators.ts';

const INPUT = traitsOf({ type: 'float64', size: 8, range: { low: 0, high: 20 } });
const PARENT = Float64Array.from({ length: 8 }, (_, i) => i);
const SIBLING = Float64Array.from({ length: 8 }, (_, i) => 10 + i);

const mutants = (own: Partial<MutationContext> = {}, shape = [8]): number[][] =>
  Array.from({ length: 100 }, (_, key) => [...mutantOf('copy', PARENT, INPUT, shape, key, {}, own)]);

test('a mutant has the values of another input in all places, or in a box of them', () => {
  const all = mutants({ siblings: [SIBLING] });
  const isWhole = (mutant: number[]): boolean => mutant.every((value, i) => value === SIBLING[i]);
  expect(all.filter(isWhole).length).toBeGreaterThan(40);
  const partial = all.filter((mutant) => !isWhole(mutant));
  expect(partial.length).toBeGreaterThan(20);
  for (const mutant of partial) {
    mutant.forEach((value, i) => {
      expect([PARENT[i], SIBLING[i]]).toContain(value);
    });
    expect(mutant.some((value, i) => value === SIBLING[i])).toBe(true);
  }
});

test('without another input of its shape, a part becomes equal to another part along an axis', () => {
  const seen = new Set(mutants({}, [2, 4]).map(String));
  // One half, in both directions.
  expect(seen).toContain(String([0, 1, 2, 3, 0, 1, 2, 3]));
  expect(seen).toContain(String([4, 5, 6, 7, 4, 5, 6, 7]));
  // A column.
  expect(seen).toContain(String([3, 1, 2, 3, 7, 5, 6, 7]));
});

test('a single value stays', () => {
  const one = traitsOf({ type: 'float64', size: 1 });
  expect([...mutantOf('copy', Float64Array.of(0.5), one, [1], 'one')]).toEqual([0.5]);
  expect([...mutantOf('copy', Float64Array.of(0.5), one, [], 'none')]).toEqual([0.5]);
});
