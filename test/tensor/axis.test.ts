import { expect, test } from '@jest/globals';
import {
  concatAlong,
  gatherAlong,
  lastSliceAlong,
  moveAxisFirst,
  moveFirstToAxis,
} from '../../src/tensor/axis.ts';
import type { Tensor } from '../../src/tensor/tensor.ts';

const tensor = (shape: readonly number[], values: readonly number[]): Tensor => ({
  type: 'int32',
  shape,
  data: Int32Array.from(values),
});

// [2, 3, 2]: 0 1 | 2 3 | 4 5, then 6 7 | 8 9 | 10 11.
const CUBE = tensor([2, 3, 2], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);

test('slices are gathered in the order of their indices, repeated ones included', () => {
  expect(gatherAlong(CUBE, 1, [2, 0, 2])).toEqual(
    tensor([2, 3, 2], [4, 5, 0, 1, 4, 5, 10, 11, 6, 7, 10, 11]),
  );
  expect(gatherAlong(CUBE, 0, [1])).toEqual(tensor([1, 3, 2], [6, 7, 8, 9, 10, 11]));
  expect(gatherAlong(CUBE, 2, [1])).toEqual(tensor([2, 3, 1], [1, 3, 5, 7, 9, 11]));
  expect(lastSliceAlong(CUBE, 1)).toEqual(tensor([2, 1, 2], [4, 5, 10, 11]));
});

test('tensors are joined along the first, an inner and the last axis', () => {
  const one = tensor([1, 2], [1, 2]);
  expect(concatAlong(one, tensor([2, 2], [3, 4, 5, 6]), 0)).toEqual(tensor([3, 2], [1, 2, 3, 4, 5, 6]));
  const square = tensor([2, 2], [1, 2, 3, 4]);
  expect(concatAlong(square, tensor([2, 1], [8, 9]), 1)).toEqual(tensor([2, 3], [1, 2, 8, 3, 4, 9]));
  expect(concatAlong(square, tensor([2, 0], []), 1)).toEqual(square);
});

test('an axis moves to the front', () => {
  expect([...moveAxisFirst(CUBE, 1)]).toEqual([0, 1, 6, 7, 2, 3, 8, 9, 4, 5, 10, 11]);
  expect([...moveAxisFirst(CUBE, 2)]).toEqual([0, 2, 4, 6, 8, 10, 1, 3, 5, 7, 9, 11]);
  expect(moveAxisFirst(CUBE, 0)).toBe(CUBE.data);
});

test('and back: the first dimension becomes an axis', () => {
  for (const axis of [0, 1, 2]) {
    const moved = { ...CUBE, data: moveAxisFirst(CUBE, axis) };
    expect([...moveFirstToAxis(moved, axis)]).toEqual([...CUBE.data]);
  }
});
