import { copyInto, makeData, rowsOf, sizeOf, type Tensor, type TensorData } from './tensor.ts';

/** Values of a tensor on either side of an axis: `[outer, shape[axis], inner]`. */
function splitAt(shape: readonly number[], axis: number): { readonly outer: number; readonly inner: number } {
  return { outer: sizeOf(shape.slice(0, axis)), inner: sizeOf(shape.slice(axis + 1)) };
}

function withSize(shape: readonly number[], axis: number, size: number): number[] {
  return shape.map((dimension, i) => (i === axis ? size : dimension));
}

/** Slices of a tensor along an axis, in the order of `indices`, each as often as it is named. */
export function gatherAlong({ type, shape, data }: Tensor, axis: number, indices: ArrayLike<number>): Tensor {
  const { outer, inner } = splitAt(shape, axis);
  const sizes = withSize(shape, axis, indices.length);
  const out = makeData(type, sizeOf(sizes));
  for (let block = 0; block < outer; block++)
    for (let i = 0; i < indices.length; i++) {
      const from = block * shape[axis] + indices[i];
      copyInto(out, rowsOf(data, inner, from, from + 1), (block * indices.length + i) * inner);
    }
  return { type, shape: sizes, data: out };
}

/** Two tensors of one type joined along an axis; their other dimensions are the same. */
export function concatAlong(first: Tensor, second: Tensor, axis: number): Tensor {
  const { type, shape } = first;
  const { outer, inner } = splitAt(shape, axis);
  const [firstSize, secondSize] = [shape[axis] * inner, second.shape[axis] * inner];
  const sizes = withSize(shape, axis, shape[axis] + second.shape[axis]);
  const out = makeData(type, sizeOf(sizes));
  for (let block = 0; block < outer; block++) {
    const at = block * (firstSize + secondSize);
    copyInto(out, rowsOf(first.data, firstSize, block, block + 1), at);
    copyInto(out, rowsOf(second.data, secondSize, block, block + 1), at + firstSize);
  }
  return { type, shape: sizes, data: out };
}

/** The last slice along an axis, which stays as a dimension of 1. */
export function lastSliceAlong(tensor: Tensor, axis: number): Tensor {
  return gatherAlong(tensor, axis, [tensor.shape[axis] - 1]);
}

/** Values of a tensor with one axis moved before all others. */
export function moveAxisFirst({ type, shape, data }: Tensor, axis: number): TensorData {
  if (axis === 0) return data;
  const rows = shape[axis];
  const { outer, inner } = splitAt(shape, axis);
  if (outer === 1 || rows === 1) return data;
  const out = makeData(type, data.length);
  for (let row = 0; row < rows; row++)
    for (let block = 0; block < outer; block++) {
      const from = block * rows + row;
      copyInto(out, rowsOf(data, inner, from, from + 1), (row * outer + block) * inner);
    }
  return out;
}

/** The inverse of `moveAxisFirst`: `data` is `[rows, ...shape without the axis]`, in the order of `shape` afterwards. */
export function moveFirstToAxis(tensor: Tensor, axis: number): TensorData {
  const { type, shape, data } = tensor;
  const { outer, inner } = splitAt(shape, axis);
  const rows = shape[axis];
  if (outer === 1 || rows === 1) return data;
  const out = makeData(type, data.length);
  for (let row = 0; row < rows; row++)
    for (let block = 0; block < outer; block++) {
      const from = row * outer + block;
      copyInto(out, rowsOf(data, inner, from, from + 1), (block * rows + row) * inner);
    }
  return out;
}
