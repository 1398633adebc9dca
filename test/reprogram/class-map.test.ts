import { describe, expect, test } from '@jest/globals';
import { assignClasses, faultOfMap, firstClasses } from '../../src/reprogram/class-map.ts';

test('classes go to the labels that raise them most, in turn, as many to each', () => {
  // Class 0 is high everywhere; classes 1 and 3 follow label 1, class 2 follows label 0.
  const logits = [
    [9, 0, 3, 0, 1],
    [9, 2, 0, 5, 1],
    [9, 0, 3, 0, 1],
    [9, 2, 0, 5, 1],
  ];
  expect(assignClasses(logits, [0, 1, 0, 1], 2)).toEqual([
    [0, 2],
    [1, 3],
  ]);
});

test('a class goes to the label where its lead is largest, though it is higher elsewhere in all', () => {
  const logits = [
    [1, 5],
    [2, 9],
  ];
  expect(assignClasses(logits, [0, 1], 2)).toEqual([[0], [1]]);
});

test('a label without inputs still gets classes', () => {
  expect(assignClasses([[1, 2, 3]], [0], 2).map(({ length }) => length)).toEqual([1, 1]);
});

test('class i is label i', () => {
  expect(firstClasses(3)).toEqual([[0], [1], [2]]);
});

describe('a map of a file', () => {
  test.each([
    [{ a: 1 }, /must hold a list of classes for each label/],
    [[[0], ['1']], /must hold a list of classes for each label/],
    [[[0]], /for 1 labels, and the task has 2/],
    [[[0], []], /gives label 1 no class/],
    [[[0], [10]], /names class 10, and the model knows those from 0 to 9/],
    [[[0], [1.5]], /names class 1.5/],
    [[[0, 3], [3]], /names class 3 twice/],
  ])('%j is refused', (map, message) => {
    expect(faultOfMap(map, 2, 10)).toMatch(message);
  });

  test('that gives each label classes of its own is right', () => {
    expect(faultOfMap([[0, 4], [9]], 2, 10)).toBeUndefined();
  });
});
