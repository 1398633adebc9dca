import { expect, test } from '@jest/globals';
import { findWeightOperands } from '../../../src/analysis/spectral/weight-operands.ts';
import type { Graph, GraphNode } from '../../../src/model/graph/graph.ts';

function graphOf(node: Omit<GraphNode, 'name' | 'outputs'>, weight: readonly number[]): Graph {
  return {
    nodes: [{ ...node, name: 'layer', outputs: ['y'] }],
    inputs: ['x', 'z'],
    outputs: ['y'],
    constants: new Map([['w', weight]]),
    values: new Map(),
    shapes: new Map(),
    types: new Map(),
  };
}

const onlyAxes = (op: string, inputs: readonly string[], rank: number, attributes = {}) =>
  findWeightOperands(graphOf({ op, inputs, attributes }, new Array(rank).fill(2))).map(
    ({ role, axes }) => [role, axes(rank)] as const,
  );

test.each([
  ['Gemm', ['x', 'w'], 2, {}, 'product', { stack: [], outputs: [1], inputs: [0] }],
  ['Gemm', ['x', 'w'], 2, { transB: 1 }, 'product', { stack: [], outputs: [0], inputs: [1] }],
  ['MatMul', ['w', 'x'], 2, {}, 'product', { stack: [], outputs: [0], inputs: [1] }],
  ['MatMul', ['x', 'w'], 3, {}, 'product', { stack: [0], outputs: [2], inputs: [1] }],
  ['Conv', ['x', 'w'], 4, {}, 'convolution', { stack: [], outputs: [0], inputs: [1, 2, 3] }],
  [
    'ConvTranspose',
    ['x', 'w'],
    4,
    {},
    'transposed-convolution',
    { stack: [], outputs: [1], inputs: [0, 2, 3] },
  ],
  ['Conv2D', ['x', 'w'], 4, {}, 'convolution', { stack: [], outputs: [3], inputs: [0, 1, 2] }],
  ['DepthwiseConv2dNative', ['x', 'w'], 4, {}, 'convolution', { stack: [], outputs: [2, 3], inputs: [0, 1] }],
  ['Gather', ['w', 'x'], 2, {}, 'table', { stack: [], outputs: [1], inputs: [0] }],
  ['LSTM', ['x', 'w'], 3, {}, 'inner', { stack: [0], outputs: [1], inputs: [2] }],
  [
    'Einsum',
    ['x', 'w'],
    3,
    { equation: 'abc,cde->abde' },
    'product',
    { stack: [], outputs: [1, 2], inputs: [0] },
  ],
] as const)(
  '%s reads %j: axes of its weight of %i dimensions',
  (op, inputs, rank, attributes, role, axes) => {
    expect(onlyAxes(op, inputs, rank, attributes)).toEqual([[role, axes]]);
  },
);

test('a product of two computed tensors, a bias and a table that no input chooses from are no weights', () => {
  expect(onlyAxes('MatMul', ['x', 'z'], 2)).toEqual([]);
  expect(onlyAxes('Gemm', ['x', 'z', 'w'], 2)).toEqual([]);
  expect(onlyAxes('Gather', ['w', 'w'], 2)).toEqual([]);
});
