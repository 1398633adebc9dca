import { expect, test } from '@jest/globals';
import { mutantOf, traitsOf } from '../../support/mutators.ts';

test('mutants go on along the way from the partner, each half as far as the one before', () => {
  const input = traitsOf({ type: 'float64', size: 2, range: { low: -100, high: 100 } });
  const partner = Float64Array.of(0, 2);
  const mutants = [0, 1, 2, 3].map((mutantIndex) => [
    ...mutantOf('path', Float64Array.of(1, 1), input, [2], mutantIndex, {}, { partner, mutantIndex }),
  ]);
  expect(mutants).toEqual([
    [5, -3],
    [3, -1],
    [2, 0],
    [1.5, 0.5],
  ]);
});
