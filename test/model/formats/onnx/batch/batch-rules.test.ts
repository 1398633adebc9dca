import { expect, test } from '@jest/globals';
import { BATCH_RULES, type Operand } from '../../../../../src/model/formats/onnx/batch/batch-rules.ts';

const batched = (rank: number): Operand => ({ isBatched: true, rank, shape: undefined, values: undefined });
const constant = (shape: readonly number[], values?: readonly number[]): Operand => ({
  isBatched: false,
  rank: shape.length,
  shape,
  values,
});
const rankOf = (op: string, operands: readonly Operand[], attributes = {}) =>
  BATCH_RULES.get(op)?.({ op, operands, attributes })?.rank;

test.each<[string, readonly Operand[], Readonly<Record<string, number | readonly number[]>>, number]>([
  ['Conv', [batched(4), constant([8, 3, 3, 3])], {}, 4],
  ['Add', [batched(4), constant([8, 1, 1])], {}, 4],
  ['Mul', [batched(2), batched(2)], {}, 2],
  ['Gemm', [batched(2), constant([10, 16]), constant([10])], { transB: 1 }, 2],
  ['MatMul', [batched(3), constant([16, 4])], {}, 3],
  ['MatMul', [batched(4), batched(4)], {}, 4],
  ['Softmax', [batched(2)], { axis: -1 }, 2],
  ['ReduceMean', [batched(4)], { axes: [2, 3], keepdims: 0 }, 2],
  ['ReduceSum', [batched(3), constant([1], [-1])], {}, 3],
  ['Unsqueeze', [batched(2), constant([1], [1])], {}, 3],
  ['Reshape', [batched(4), constant([3], [1, 85, -1])], {}, 3],
  ['Slice', [batched(2), constant([1], [0]), constant([1], [2]), constant([1], [1])], {}, 2],
  ['Resize', [batched(4), constant([0], []), constant([4], [1, 1, 2, 2])], {}, 4],
])('%s keeps rows apart', (op, operands, attributes, rank) => {
  expect(rankOf(op, operands, attributes)).toBe(rank);
});

test.each<[string, readonly Operand[], Readonly<Record<string, number | readonly number[]>>]>([
  ['Conv', [batched(4), batched(4)], {}],
  ['Add', [batched(2), batched(3)], {}],
  ['Gemm', [batched(2), constant([16, 10])], { transA: 1 }],
  ['MatMul', [batched(2), batched(2)], {}],
  ['Concat', [batched(2), constant([1, 4])], { axis: 1 }],
  ['Concat', [batched(2), batched(2)], { axis: 0 }],
  ['ArgMax', [batched(2)], {}],
  ['ReduceMax', [batched(2)], { axes: [-2] }],
  ['ReduceMean', [batched(2)], {}],
  ['Squeeze', [batched(3), constant([1], [0])], {}],
  ['Reshape', [batched(4), constant([2], [-1, 4])], {}],
  ['Reshape', [batched(4), constant([2], [1, -1])], { allowzero: 1 }],
  ['Pad', [batched(2), constant([4], [1, 0, 0, 0])], {}],
  ['Gather', [batched(2), constant([1], [0])], { axis: 0 }],
  ['LSTM', [batched(3), constant([1, 8, 4])], {}],
])('%s that mixes rows is refused', (op, operands, attributes) => {
  expect(rankOf(op, operands, attributes)).toBeUndefined();
});
