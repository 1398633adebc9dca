import { makeData, sizeOf } from '../../../tensor/tensor.ts';
import type { NamedTensor } from '../../run-result.ts';

/**
 * Moves the first axes of a tensor behind the next one, which is the batch: `[iterations, batch, ...]` becomes
 * `[batch, iterations, ...]`. A tensor without further axes becomes one row, since it holds nothing for each testcase.
 *
 * @param count number of axes to move
 */
export function moveAxesBehindFirst(tensor: NamedTensor, count: number): NamedTensor {
  const { type, shape, data } = tensor;
  if (count === 0 || data.length === 0) return tensor;
  if (shape.length <= count) return { ...tensor, shape: [1, ...shape] };
  const iterations = sizeOf(shape.slice(0, count));
  const batch = shape[count];
  const size = data.length / (iterations * batch);
  const moved = makeData(type, data.length);
  for (let i = 0; i < iterations; i++)
    for (let row = 0; row < batch; row++) {
      const from = (i * batch + row) * size;
      const part = data.subarray(from, from + size);
      // One type has one kind of array: no union of calls is needed.
      (moved as Float32Array).set(part as Float32Array, (row * iterations + i) * size);
    }
  return { ...tensor, shape: [batch, ...shape.slice(0, count), ...shape.slice(count + 1)], data: moved };
}
