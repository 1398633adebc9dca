import { expect, test } from '@jest/globals';
import { outputValues } from '../../../src/analysis/run-cost/shape-values.ts';
import type { GraphNode } from '../../../src/model/graph/graph.ts';

/** Values of a node's output, of inputs whose values are given, or whose shape alone is. */
function valuesOf(
  op: string,
  inputs: readonly (readonly number[] | { readonly shape: readonly number[] })[],
  attributes: GraphNode['attributes'] = {},
) {
  const node = { name: op, op, inputs: inputs.map((_, i) => `i${i}`), outputs: ['o'], attributes };
  const isShape = (input: (typeof inputs)[number]): input is { readonly shape: readonly number[] } =>
    'shape' in input;
  return outputValues(node, {
    inputs: inputs.map((input) => (isShape(input) ? input.shape : [input.length])),
    values: new Map(
      inputs.flatMap((input, i): [string, readonly number[]][] => (isShape(input) ? [] : [[`i${i}`, input]])),
    ),
  });
}

test('sizes that a graph computes from a shape are known', () => {
  expect(valuesOf('Shape', [{ shape: [1, 43844, 1] }])).toEqual([1, 43844, 1]);
  expect(valuesOf('Size', [{ shape: [2, 3] }])).toEqual([6]);
  expect(valuesOf('Gather', [[1, 16, 64], [-1]])).toEqual([64]);
  expect(valuesOf('Slice', [[1, 16, 64], [1], [2 ** 31], [0]])).toEqual([16, 64]);
  expect(valuesOf('StridedSlice', [[1, 16, 64], [1], [2], [1]], { shrink_axis_mask: 1 })).toEqual([16]);
  expect(valuesOf('StridedSlice', [[1, 16, 64], [0], [2], [1]], { end_mask: 1 })).toEqual([1, 16, 64]);
  expect(valuesOf('Pack', [[1], [16]])).toEqual([1, 16]);
  expect(valuesOf('ConcatV2', [[1, 2], [3], [0]])).toEqual([1, 2, 3]);
  expect(valuesOf('Mul', [[2, 3], [4]])).toEqual([8, 12]);
  expect(valuesOf('Div', [[7], [2]])).toEqual([3]);
  expect(valuesOf('ReduceProd', [[2, 3, 4]])).toEqual([24]);
});

test('values are not known where an operand is not, or there are more than a shape has', () => {
  expect(valuesOf('Concat', [[1], { shape: [2] }])).toBeUndefined();
  expect(valuesOf('Cast', [new Array<number>(65).fill(0)])).toBeUndefined();
  expect(valuesOf('Div', [[1], [0]])).toBeUndefined();
});
