import { expect, test } from '@jest/globals';
import { areColumns, emphases, greatestMagnitude, strongestPlaces } from '../../src/saliency/places.ts';

test('a place matters much above half of the greatest magnitude, and some above a quarter', () => {
  expect(emphases([-4, 2.1, 2, 1.1, 1, 0])).toEqual(['strong', 'strong', 'some', 'some', 'little', 'little']);
  expect(emphases([0, 0])).toEqual(['little', 'little']);
  expect(greatestMagnitude([])).toBe(0);
});

test('the strongest places stand in their order; of equal ones the first', () => {
  expect(strongestPlaces([1, -5, 0, 3, 3], 2)).toEqual([1, 3]);
  expect(strongestPlaces([1, 2], 8)).toEqual([0, 1]);
});

test('columns are told from tokens by their names', () => {
  expect(areColumns(['0', '1'])).toBe(true);
  expect(areColumns(['0', '7'])).toBe(false);
});
