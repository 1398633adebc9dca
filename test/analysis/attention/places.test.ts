import { expect, test } from '@jest/globals';
import { centreOf, gridOf, placeGrid } from '../../../src/analysis/attention/places.ts';

test.each([
  [196, 14, 14, { height: 14, width: 14, before: 0 }],
  [49, 14, 14, { height: 7, width: 7, before: 0 }],
  [17, 32, 32, { height: 4, width: 4, before: 1 }],
  [18, 32, 32, { height: 4, width: 4, before: 2 }],
  [32, 64, 32, { height: 8, width: 4, before: 0 }],
])('%i places of a picture of %i×%i', (places, height, width, grid) => {
  expect(gridOf(places, { height, width })).toEqual(grid);
});

test('places that are no map of the picture', () => {
  expect(gridOf(7, { height: 32, width: 32 })).toBeUndefined();
  expect(gridOf(1, { height: 32, width: 32 })).toBeUndefined();
});

test('distances of a picture are those of centres in its pixels, and a class token has none', () => {
  const picture = { height: 8, width: 8 };
  const { unit, distance } = placeGrid(17, 4, picture);
  expect(unit).toBe('pixels');
  expect(distance(0, 0)).toBeUndefined();
  // The first of 4×4 cells has its centre at 0.5, the last of 2×2 at 5.5.
  expect(distance(1, 3)).toBeCloseTo(Math.hypot(5, 5), 9);
  expect(centreOf(3, { height: 2, width: 2, before: 0 }, picture)).toEqual([5.5, 5.5]);
});

test('distances of a sequence count places; of other numbers of keys as shares', () => {
  expect(placeGrid(6, 6, undefined).distance(1, 4)).toBe(3);
  expect(placeGrid(3, 5, undefined).distance(2, 4)).toBe(0);
});
