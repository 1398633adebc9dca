import { expect, test } from '@jest/globals';
import { withRoomFor } from '../../src/core/growable-array.ts';

test('an array that has the element is itself, else a copy that is twice as long or longer', () => {
  const array = Int32Array.of(1, 2);
  expect(withRoomFor(array, 1)).toBe(array);
  expect([...withRoomFor(array, 2)]).toEqual([1, 2, 0, 0]);
  expect(withRoomFor(array, 9)).toHaveLength(10);
});
