import { expect, test } from '@jest/globals';
import {
  compareMaps,
  geometryOf,
  isEmpty,
  lowEnd,
  mapOfPlaces,
  mapOfValues,
} from '../../src/saliency/map.ts';
import { pictureTraits, traitsOf } from '../support/mutators.ts';

const colours = (channelsFirst: boolean) =>
  pictureTraits(2, 2, { channels: 3, channelsFirst, black: [0, -1, 2], white: [1, 1, -2] });

test.each([
  [true, [1, 2, 3, 4, -1, -2, -3, -4, 5, 5, 5, 5], [3, 2, 2]],
  [false, [1, -1, 5, 2, -2, 5, 3, -3, 5, 4, -4, 5], [2, 2, 3]],
])('channels first %p: values of a pixel add up', (channelsFirst, values, shape) => {
  const geometry = geometryOf(colours(channelsFirst), shape, 12);
  expect(geometry).toMatchObject({ places: 4, channels: 3, picture: { height: 2, width: 2 } });
  const { signed, magnitude } = mapOfValues(values, geometry);
  expect([...signed]).toEqual([5, 5, 5, 5]);
  expect([...magnitude]).toEqual([7, 9, 11, 13]);
});

test('the low end of a picture is its darker end, by channel; of numbers the range', () => {
  const channelsFirst = geometryOf(colours(true), [3, 2, 2], 12);
  expect([...lowEnd(colours(true), channelsFirst)]).toEqual([0, 0, 0, 0, -1, -1, -1, -1, -2, -2, -2, -2]);
  const numbers = traitsOf({ size: 3 });
  const low = lowEnd({ ...numbers, range: { low: -4, high: 4 } }, geometryOf(numbers, [3], 3));
  expect([...low]).toEqual([-4, -4, -4]);
});

test('a map is empty where all its values are equal, or one is not finite', () => {
  expect(isEmpty(mapOfPlaces([0, 0, 0]))).toBe(true);
  expect(isEmpty(mapOfPlaces([2, 2]))).toBe(true);
  expect(isEmpty(mapOfPlaces([1, Number.NaN]))).toBe(true);
  expect(isEmpty(mapOfPlaces([1, -1]))).toBe(false);
});

test('maps of no picture have no SSIM', () => {
  const map = mapOfPlaces([1, -3, 2]);
  expect(compareMaps(map, map, {})).toEqual({ signed: 1, abs: 1 });
  expect(compareMaps(map, mapOfPlaces([1, 3, 2]), {}).signed).toBeLessThan(1);
});
