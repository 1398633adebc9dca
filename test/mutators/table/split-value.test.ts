import { expect, test } from '@jest/globals';
import { splitNeighbours } from '../../../src/inputs/split-values.ts';
import { mutantOf, traitsOf } from '../../support/mutators.ts';

test('columns take split values or the numbers next to them, others stay', () => {
  const splits = [[0.25, 0.75], [], [0.5]];
  const input = traitsOf({ domains: ['numbers', 'splits'], size: 3, splits });
  const parent = Float32Array.of(0.1, 0.1, 0.1);
  const seen = [new Set<number>(), new Set<number>(), new Set<number>()];
  for (let key = 0; key < 400; key++)
    mutantOf('split-value', parent, input, [3], key).forEach((value, i) => {
      seen[i].add(value);
    });
  const near = (values: readonly number[]) => values.flatMap((value) => splitNeighbours('float32', value));
  const wanted = (values: readonly number[]) => new Set([Math.fround(0.1), ...near(values)]);
  expect(seen).toEqual([wanted([0.25, 0.75]), wanted([]), wanted([0.5])]);
});

test('the neighbours of a split value are the nearest numbers of the type', () => {
  expect(splitNeighbours('float32', 1)).toEqual([1 - 2 ** -24, 1, 1 + 2 ** -23]);
  expect(splitNeighbours('float32', -2)).toEqual([-2 - 2 ** -22, -2, -2 + 2 ** -23]);
  expect(splitNeighbours('float32', 0)).toEqual([-(2 ** -149), 0, 2 ** -149]);
  expect(splitNeighbours('float64', 1)).toEqual([1 - 2 ** -53, 1, 1 + 2 ** -52]);
  expect(splitNeighbours('int64', 2.5)).toEqual([2, 2, 3]);
  expect(splitNeighbours('int64', 2)).toEqual([1, 2, 3]);
  const [below, at, above] = splitNeighbours('float16', 0.1);
  expect(below < at && at < above && above - below < 2e-4).toBe(true);
});
