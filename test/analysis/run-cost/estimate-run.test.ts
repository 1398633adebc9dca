import { expect, test } from '@jest/globals';
import { layers, sequential } from '@tensorflow/tfjs-layers';
import { estimateRunSeconds, estimateWork } from '../../../src/analysis/run-cost/estimate-run.ts';
import { loadModel } from '../../../src/model/formats/registry.ts';
import { startTfjs } from '../../../src/model/formats/tfjs/backend.ts';
import type { Graph, GraphNode } from '../../../src/model/graph/graph.ts';
import { testFolder } from '../../support/folder.ts';
import { writeLayersModel } from '../../support/layers-model.ts';

const folder = testFolder();

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
  expect(work.largestTensor).toBe(8 * 16 * 16);
});

test('a product whose partial sums are rounded costs a step a term', () => {
  const rounding = { bfloat16: new Set<string>(), partialSums: true };
  const once = { ...NET, rounding: { ...rounding, partialSums: false } };
  expect(estimateRunSeconds(once, INPUT, 'onnx')).toBe(estimateRunSeconds(NET, INPUT, 'onnx'));
  expect(estimateRunSeconds({ ...NET, rounding }, INPUT, 'onnx', 64)).toBeGreaterThan(
    4 * estimateRunSeconds(NET, INPUT, 'onnx', 64),
  );
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

test('layers of TensorFlow.js count their kernels at each position or step, as their graph has them', async () => {
  await startTfjs('cpu');
  const work = async (layer: layers.Layer, ...shape: number[]): Promise<number> => {
    const path = await writeLayersModel(folder, layer.name, sequential({ layers: [layer] }));
    const model = await loadModel(path, { runtime: 'cpu' });
    const { multiplyAdds } = estimateWork(model.graph, new Map([[model.inputs[0].name, [1, ...shape]]]));
    await model.dispose();
    return multiplyAdds;
  };
  const cell = { units: 5, recurrentInitializer: 'zeros' } as const;
  const same = { padding: 'same', kernelSize: 3, filters: 4 } as const;
  expect(await work(layers.conv1d({ ...same, inputShape: [10, 2] }), 10, 2)).toBe(3 * 2 * 4 * 10);
  expect(await work(layers.conv2d({ ...same, inputShape: [6, 6, 2] }), 6, 6, 2)).toBe(9 * 2 * 4 * 36);
  expect(await work(layers.conv2dTranspose({ ...same, strides: 2, inputShape: [6, 6, 2] }), 6, 6, 2)).toBe(
    9 * 2 * 4 * 36,
  );
  expect(await work(layers.lstm({ ...cell, inputShape: [7, 3] }), 7, 3)).toBe(7 * (3 * 20 + 5 * 20));
  expect(await work(layers.gru({ ...cell, inputShape: [7, 3] }), 7, 3)).toBe(7 * (3 * 15 + 5 * 15));
});

test('a layer that is one operation counts its kernels at each of its positions', () => {
  const layers = graphOf([{ name: 'conv', op: 'Conv2D', inputs: ['x'], outputs: ['conv'] }], {
    'conv/kernel': [3, 3, 3, 8],
  });
  layers.nodes[0] satisfies GraphNode;
  const named = { ...layers, shapes: new Map([['conv', [null, 16, 16, 8]]]) };
  const asLayer = { ...named, nodes: [{ ...layers.nodes[0], op: 'SeparableConv2D' }] };
  expect(estimateWork(asLayer, new Map([['x', [1, 32, 32, 3]]])).multiplyAdds).toBe(216 * 256);
});
