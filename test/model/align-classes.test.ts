import { expect, test } from '@jest/globals';
import { alignClasses } from '../../src/model/align-classes.ts';

test('indices are renumbered to the order of the reference; a class that it lacks is unknown', () => {
  const tensor = { name: 'label', type: 'int32', shape: [4], data: Int32Array.of(0, 1, 2, -1) } as const;
  const aligned = alignClasses(tensor, ['b', 'a', 'c'], ['a', 'b']);
  expect([...aligned.data]).toEqual([1, 0, -1, -1]);
});

test('scores are moved where both models have the same classes, and else left as they are', () => {
  const data = Float32Array.of(1, 2, 3, 4, 5, 6);
  const tensor = { name: 'scores', type: 'float32', shape: [2, 3], data } as const;
  expect([...alignClasses(tensor, ['b', 'a', 'c'], ['a', 'b', 'c']).data]).toEqual([2, 1, 3, 5, 4, 6]);
  expect(alignClasses(tensor, ['b', 'a', 'd'], ['a', 'b', 'c'])).toBe(tensor);
  expect(alignClasses(tensor, ['a', 'b', 'c'], ['a', 'b', 'c'])).toBe(tensor);
  expect(alignClasses(tensor, undefined, ['a', 'b', 'c'])).toBe(tensor);
});
