import { expect, test } from '@jest/globals';
import { OnnxBuilder } from '../../src/model/formats/onnx/builder.ts';
import { readOnnx } from '../../src/model/formats/onnx/graph.ts';
import type { Graph } from '../../src/model/graph/graph.ts';
import { findWeightLayers } from '../../src/saliency/layers.ts';

/** Weights of a shape. */
function constant(graph: OnnxBuilder, name: string, shape: number[]): string {
  const size = shape.reduce((product, dimension) => product * dimension, 1);
  return graph.constant(name, 'float32', shape, new Float32Array(size).fill(0.5));
}

function layersOf(
  build: (graph: OnnxBuilder, x: string) => string,
  shape: (number | string)[] = ['batch', 4],
) {
  const graph = new OnnxBuilder();
  const output = build(graph, graph.input('x', 'float32', shape));
  graph.output(output, 'float32', ['batch', 3]);
  return findWeightLayers(readOnnx(graph.finish('layers'), 'layers.onnx').graph).map(({ op, constants }) => ({
    op,
    constants,
  }));
}

test('products with constants, each with its bias', () => {
  const layers = layersOf((graph, x) => {
    graph.node('MatMul', [x, constant(graph, 'w1', [4, 4])], 'product');
    graph.node('Add', ['product', constant(graph, 'b1', [4])], 'sum');
    graph.node('Gemm', ['sum', constant(graph, 'w2', [4, 3]), constant(graph, 'b2', [3])], 'logits');
    return 'logits';
  });
  expect(layers).toEqual([
    { op: 'MatMul', constants: ['w1', 'b1'] },
    { op: 'Gemm', constants: ['w2', 'b2'] },
  ]);
});

test('weights in another form belong to their layer', () => {
  const layers = layersOf((graph, x) => {
    graph.node('Transpose', [constant(graph, 'w', [3, 4])], 'turned', { perm: [1, 0] });
    return graph.node('MatMul', [x, 'turned'], 'logits');
  });
  expect(layers).toEqual([{ op: 'MatMul', constants: ['w'] }]);
});

test('a product of two computed tensors, scales and vectors are no layers', () => {
  const layers = layersOf((graph, x) => {
    graph.node('Mul', [x, constant(graph, 'scale', [1, 4])], 'scaled');
    graph.node('Add', ['scaled', constant(graph, 'shift', [4])], 'shifted');
    graph.node('Transpose', ['shifted'], 'turned', { perm: [1, 0] });
    graph.node('MatMul', ['shifted', 'turned'], 'square');
    return graph.node('MatMul', [x, constant(graph, 'vector', [4])], 'dot');
  });
  expect(layers).toEqual([]);
});

test('an Add that a second node reads the product beside is not its bias', () => {
  const layers = layersOf((graph, x) => {
    graph.node('MatMul', [x, constant(graph, 'w', [4, 3])], 'product');
    graph.node('Add', ['product', constant(graph, 'b', [3])], 'sum');
    return graph.node('Mul', ['sum', 'product'], 'logits');
  });
  expect(layers).toEqual([{ op: 'MatMul', constants: ['w'] }]);
});

test('weights that two layers share are the first one’s', () => {
  const layers = layersOf((graph, x) => {
    constant(graph, 'w', [4, 4]);
    graph.node('MatMul', [x, 'w'], 'first');
    graph.node('MatMul', ['first', 'w'], 'second');
    return graph.node('Gemm', ['second', constant(graph, 'w3', [4, 3])], 'logits');
  });
  expect(layers.map(({ constants }) => constants)).toEqual([['w'], ['w3']]);
});

test('all weights of a recurrent layer count as one', () => {
  const layers = layersOf(
    (graph, x) => {
      const weights = [
        constant(graph, 'w', [1, 12, 4]),
        constant(graph, 'r', [1, 12, 3]),
        constant(graph, 'b', [1, 24]),
      ];
      graph.node('LSTM', [x, ...weights], 'states', { hidden_size: 3 });
      return 'states';
    },
    [5, 'batch', 4],
  );
  expect(layers).toEqual([{ op: 'LSTM', constants: ['w', 'r', 'b'] }]);
});

test('an embedding is a layer, a table of indices is none', () => {
  const nodes = ['table', 'indices'].map((name) => ({
    name: `look up ${name}`,
    op: 'Gather',
    inputs: [name, 'ids'],
    outputs: [`rows of ${name}`],
  }));
  const graph: Graph = {
    nodes,
    inputs: ['ids'],
    outputs: nodes.flatMap(({ outputs }) => outputs),
    constants: new Map([
      ['table', [10, 4]],
      ['indices', [10, 4]],
    ]),
    values: new Map(),
    shapes: new Map(),
    types: new Map([
      ['table', 'float32'],
      ['indices', 'int64'],
    ]),
  };
  expect(findWeightLayers(graph)).toEqual([{ name: 'look up table', op: 'Gather', constants: ['table'] }]);
});
