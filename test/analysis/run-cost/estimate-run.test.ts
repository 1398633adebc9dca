import { expect, test } from '@jest/globals';
import { estimateRunSeconds, estimateWork } from '../../../src/analysis/run-cost/estimate-run.ts';
import type { Graph, GraphNode } from '../../../src/model/graph/graph.ts';

function graphOf(nodes: readonly Partial<GraphNode>[], constants: Record<string, number[]>): Graph {
  return {
    nodes: nodes.map((node) => ({ name: '', op: '', inputs: [], outputs: [], ...node })),
    inputs: ['x'],
    outputs: ['y'],
    constants: new Map(Object.entries(constants)),
    values: new Map([['flat', [1, -1]]]),
    shapes: new Map(),
    types: new Map(),
  };
}

/** Eight 3×3 filters in steps of 2 on 3×32×32, then ten classes. */
const NET = graphOf(
  [
    { op: 'Conv', inputs: ['x', 'w'], outputs: ['c'], attributes: { strides: [2, 2], pads: [1, 1, 1, 1] } },
    { op: 'Relu', inputs: ['c'], outputs: ['r'] },
    { op: 'Reshape', inputs: ['r', 'flat'], outputs: ['f'] },
    { op: 'Gemm', inputs: ['f', 'l', 'b'], outputs: ['y'] },
  ],
  { w: [8, 3, 3, 3], l: [2048, 10], b: [10], flat: [2] },
);
const INPUT = new Map([['x', [1, 3, 32, 32]]]);

test('multiplications are those of convolutions and matrix products, worked out by hand', () => {
  const work = estimateWork(NET, INPUT);
  expect(work.multiplyAdds).toBe(8 * 27 * 16 * 16 + 2048 * 10);
  expect(work.weights).toBe(216 + 2 + 20_480 + 10);
  expect(work.values).toBe(3072 + 2048 + 2048 + 2048 + 2048 + 2048 + 2048 + 10);
  expect(work.nodes).toBe(4);
});

test('a testcase costs less in a batch, and more on a slower runtime or at a larger size', () => {
  const alone = estimateRunSeconds(NET, INPUT, 'onnx');
  expect(estimateRunSeconds(NET, INPUT, 'onnx', 64)).toBeLessThan(alone / 2);
  expect(estimateRunSeconds(NET, INPUT, 'wasm')).toBeGreaterThan(alone);
  expect(estimateRunSeconds(NET, INPUT, 'cpu')).toBeGreaterThan(estimateRunSeconds(NET, INPUT, 'wasm'));
  const large = new Map([['x', [1, 3, 320, 320]]]);
  expect(estimateWork(NET, large).multiplyAdds).toBeGreaterThan(99 * 8 * 27 * 16 * 16);
});

test('bodies of loops count as often as they are taken to run, those of conditions once', () => {
  const body = graphOf([{ op: 'MatMul', inputs: ['x', 'm'], outputs: ['y'] }], { m: [16, 16] });
  const outer = (op: string) =>
    graphOf([{ op, inputs: ['x'], outputs: ['y'], subgraphs: [{ ...body, role: 'body' }] }], {});
  const input = new Map([['x', [1, 16]]]);
  expect(estimateWork(outer('If'), input).multiplyAdds).toBe(256);
  expect(estimateWork(outer('Loop'), input).multiplyAdds).toBe(16 * 256);
});

test('a layer of TensorFlow.js counts its kernels at each of its positions', () => {
  const layers = graphOf([{ name: 'conv', op: 'Conv2D', inputs: ['x'], outputs: ['conv'] }], {
    'conv/kernel': [3, 3, 3, 8],
  });
  layers.nodes[0] satisfies GraphNode;
  const named = { ...layers, shapes: new Map([['conv', [null, 16, 16, 8]]]) };
  const asLayer = { ...named, nodes: [{ ...layers.nodes[0], op: 'SeparableConv2D' }] };
  expect(estimateWork(asLayer, new Map([['x', [1, 32, 32, 3]]])).multiplyAdds).toBe(216 * 256);
});
