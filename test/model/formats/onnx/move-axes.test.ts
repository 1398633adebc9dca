import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { moveAxesBehindFirst } from '../../../../src/model/formats/onnx/move-axes.ts';
import { sizeOf } from '../../../../src/tensor/tensor.ts';

test('axes of iterations go behind the batch, and each value with them', () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 2, maxLength: 5 });
  fc.assert(
    fc.property(sizes, fc.integer({ min: 1, max: 3 }), (shape, wanted) => {
      const count = Math.min(wanted, shape.length - 1);
      const data = Float32Array.from({ length: sizeOf(shape) }, (_, i) => i);
      const moved = moveAxesBehindFirst({ name: 't', type: 'float32', shape, data }, count);
      expect(moved.shape).toEqual([shape[count], ...shape.slice(0, count), ...shape.slice(count + 1)]);
      const strides = shape.map((_, axis) => sizeOf(shape.slice(axis + 1)));
      const order = [count, ...shape.keys()].filter((axis, i) => i === 0 || axis !== count);
      const movedStrides = moved.shape.map((_, axis) => sizeOf(moved.shape.slice(axis + 1)));
      for (let i = 0; i < data.length; i++) {
        const from = order.reduce(
          (sum, axis, place) => sum + (Math.floor(i / movedStrides[place]) % shape[axis]) * strides[axis],
          0,
        );
        expect(moved.data[i]).toBe(from);
      }
    }),
  );
});

test('a number an iteration is a row', () => {
  const tensor = { name: 't', type: 'float32' as const, shape: [3], data: Float32Array.of(1, 2, 3) };
  expect(moveAxesBehindFirst(tensor, 1)).toEqual({ ...tensor, shape: [1, 3] });
});

test('nothing moves without iterations', () => {
  const tensor = { name: 't', type: 'float32' as const, shape: [2, 3], data: new Float32Array(6) };
  expect(moveAxesBehindFirst(tensor, 0)).toBe(tensor);
  const none = { name: 't', type: 'float32' as const, shape: [0], data: new Float32Array(0) };
  expect(moveAxesBehindFirst(none, 2)).toBe(none);
});
