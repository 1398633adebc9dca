import { expect, test } from '@jest/globals';
import type { Graph, GraphNode } from '../../../src/model/graph/graph.ts';
import { findLayers } from '../../../src/model/graph/weighted-layers.ts';

function modelOf(nodes: readonly Pick<GraphNode, 'op' | 'inputs' | 'outputs'>[], outputs: readonly string[]) {
  const graph: Graph = {
    inputs: ['x'],
    nodes: nodes.map((node) => ({ name: node.outputs[0], domain: '', attributes: {}, ...node })),
    constants: new Map([
      ['w', [4, 4]],
      ['b', [4]],
    ]),
    values: new Map(),
    types: new Map(),
    shapes: new Map(),
    outputs: [...outputs],
  } as unknown as Graph;
  return { graph, outputs, watchable: nodes.flatMap((node) => node.outputs) };
}

test('a layer is the result of an operation with weights behind its bias, normalisation and activation function', () => {
  const model = modelOf(
    [
      { op: 'MatMul', inputs: ['x', 'w'], outputs: ['product'] },
      { op: 'Add', inputs: ['product', 'b'], outputs: ['sum'] },
      { op: 'BatchNormalization', inputs: ['sum', 'b', 'b', 'b', 'b'], outputs: ['normal'] },
      { op: 'Relu', inputs: ['normal'], outputs: ['hidden'] },
      { op: 'Gemm', inputs: ['hidden', 'w', 'b'], outputs: ['logits'] },
      { op: 'Softmax', inputs: ['logits'], outputs: ['y'] },
    ],
    ['y'],
  );
  expect(findLayers(model)).toEqual(['hidden', 'logits']);
});

test('a product of two results is no layer, and an addition of two results ends one', () => {
  const model = modelOf(
    [
      { op: 'Conv', inputs: ['x', 'w'], outputs: ['left'] },
      { op: 'Conv', inputs: ['x', 'w'], outputs: ['right'] },
      { op: 'Add', inputs: ['left', 'right'], outputs: ['joined'] },
      { op: 'MatMul', inputs: ['joined', 'left'], outputs: ['scores'] },
      { op: 'LSTM', inputs: ['scores', 'w', 'w'], outputs: ['states'] },
    ],
    ['states'],
  );
  expect(findLayers(model)).toEqual(['left', 'right', 'states']);
});
