import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import * as tf from '@tensorflow/tfjs-core';
import { layers, sequential } from '@tensorflow/tfjs-layers';
import { batchAxis } from '../../../src/model/batch-axis.ts';
import { BatchedModel } from '../../../src/model/batched-model.ts';
import { OnnxBuilder } from '../../../src/model/formats/onnx/builder.ts';
import { loadModel } from '../../../src/model/formats/registry.ts';
import { startTfjs } from '../../../src/model/formats/tfjs/backend.ts';
import { findLogits } from '../../../src/model/graph/find-logits.ts';
import { allocateBatch, shapeSignatureOf } from '../../../src/model/testcase-batch.ts';
import { decodeNpz } from '../../../src/tensor/npz.ts';
import { testFolder } from '../../support/folder.ts';
import { writeLayersModel } from '../../support/layers-model.ts';
import { WEIGHTS, writeSoftmaxOnnx, writeSoftmaxTfjs } from '../../support/models.ts';

const folder = testFolder();
const X = Float32Array.of(1, 2, 3, 4, 0, -1, 0.5, 2);

/** x·W and its softmax, worked out in float64. */
function expected(): { logits: number[]; probabilities: number[] } {
  const logits: number[] = [];
  const probabilities: number[] = [];
  for (let row = 0; row < 2; row++) {
    const own = [0, 1, 2].map((column) =>
      [0, 1, 2, 3].reduce((sum, k) => sum + X[row * 4 + k] * WEIGHTS[k * 3 + column], 0),
    );
    const raised = own.map((value) => Math.exp(value - Math.max(...own)));
    const total = raised.reduce((a, b) => a + b);
    logits.push(...own);
    probabilities.push(...raised.map((value) => value / total));
  }
  return { logits, probabilities };
}

function near(actual: ArrayLike<number | bigint>, wanted: readonly number[], tolerance = 1e-6): void {
  expect(actual.length).toBe(wanted.length);
  wanted.forEach((value, i) => expect(Math.abs(Number(actual[i]) - value)).toBeLessThan(tolerance));
}

describe.each([
  ['ONNX', 'onnx', (): string => writeSoftmaxOnnx(folder)],
  ['a TensorFlow.js graph model on wasm', 'wasm', (): string => writeSoftmaxTfjs(folder)],
  ['a TensorFlow.js graph model on cpu', 'cpu', (): string => writeSoftmaxTfjs(folder)],
] as const)('%s', (_, runtime, write) => {
  test('says what it takes and gives, and computes outputs and an inner tensor', async () => {
    const model = await loadModel(write(), { runtime });
    expect(model.runtime.kind).toBe(runtime);
    expect(model.inputs).toEqual([
      {
        name: 'x',
        type: 'float32',
        shape: [null, 4],
        ...(runtime === 'onnx' ? { dimensions: ['batch', null] } : {}),
      },
    ]);
    expect(model.outputs).toEqual(['probabilities']);
    expect(model.watchable).toEqual(['logits', 'probabilities']);
    const { outputs, activations } = await model.run(
      [{ type: 'float32', shape: [2, 4], data: X.slice() }],
      ['logits'],
    );
    expect(outputs[0]).toMatchObject({ name: 'probabilities', type: 'float32', shape: [2, 3] });
    near(outputs[0].data, expected().probabilities);
    near(activations[0].data, expected().logits, 1e-5);
    await model.dispose();
  });
});

test.each(['wasm', 'cpu'] as const)('%s leaks no tensors over many runs', async (runtime) => {
  const model = await loadModel(writeSoftmaxTfjs(folder), { runtime });
  const run = () => model.run([{ type: 'float32', shape: [2, 4], data: X.slice() }], ['logits']);
  await run();
  const before = tf.memory().numTensors;
  for (let i = 0; i < 20; i++) await run();
  expect(tf.memory().numTensors).toBe(before);
  await model.dispose();
});

async function saveAndLoad(
  name: string,
  stack: Parameters<typeof sequential>[0] extends { layers?: infer L } | undefined ? L : never,
) {
  const net = sequential({ layers: stack ?? [] });
  net.layers[0].setWeights([tf.tensor2d(WEIGHTS, [4, 3])]);
  return loadModel(await writeLayersModel(folder, name, net), { runtime: 'wasm' });
}

test('the logits of a layers model whose softmax is inside its last layer can be watched', async () => {
  await startTfjs('cpu');
  const model = await saveAndLoad('inside', [
    layers.dense({ units: 3, inputShape: [4], useBias: false, name: 'hidden' }),
    layers.dense({ units: 2, activation: 'softmax', name: 'classes' }),
  ]);
  expect(findLogits(model.graph)).toEqual({
    tensor: 'classes/BiasAdd',
    why: 'the logits: input of the softmax classes/Softmax',
  });
  await model.dispose();
});

test('a layers model runs, and its layers can be watched', async () => {
  await startTfjs('cpu');
  const model = await saveAndLoad('layers', [
    layers.dense({ units: 3, inputShape: [4], useBias: false, name: 'scores' }),
    layers.activation({ activation: 'softmax', name: 'classes' }),
  ]);
  expect(model).toMatchObject({
    format: 'tfjs-layers',
    outputs: ['classes'],
    watchable: ['scores', 'classes'],
  });
  expect(model.inputs).toMatchObject([{ type: 'float32', shape: [null, 4] }]);
  const { outputs, activations } = await model.run(
    [{ type: 'float32', shape: [2, 4], data: X.slice() }],
    ['scores'],
  );
  near(outputs[0].data, expected().probabilities);
  near(activations[0].data, expected().logits, 1e-5);
  expect(findLogits(model.graph)?.tensor).toBe('scores');
  await model.dispose();
});

test('auto says which runtime it took and why not a faster one', async () => {
  const model = await loadModel(writeSoftmaxTfjs(folder), { runtime: 'auto' });
  let installed = true;
  try {
    createRequire(import.meta.url)('@tensorflow/tfjs-node-gpu');
  } catch {
    installed = false;
  }
  if (installed) expect(model.runtime.kind).toBe('tensorflow');
  else {
    expect(model.runtime.kind).toBe('wasm');
    expect(model.runtime.why).toMatch(/tensorflow: @tensorflow\/tfjs-node-gpu is not installed/);
  }
  await model.dispose();
});

test('ONNX and TensorFlow.js give the bundled model the same outputs on every seed', async () => {
  const seeds = decodeNpz(readFileSync('corpora/nan-digits/seeds.npz'), 'seeds');
  const feeds = ['image', 'label'].map((name) => seeds.get(name)).filter((tensor) => tensor !== undefined);
  const onnx = await loadModel('corpora/nan-digits/nan-digits.onnx', { runtime: 'auto' });
  const tfjs = await loadModel('corpora/nan-digits/nan-digits-tfjs', { runtime: 'wasm' });
  const [a, b] = [await onnx.run(feeds, ['logits']), await tfjs.run(feeds, ['logits'])];
  near(b.activations[0].data, [...(a.activations[0].data as Float32Array)], 1e-3);
  expect(b.outputs.map((output) => output.name)).toEqual(['probabilities', 'loss']);
  for (const output of [...a.outputs, ...b.outputs])
    expect((output.data as Float32Array).every(Number.isFinite)).toBe(true);
});

describe('logits', () => {
  test('are the input of a softmax written out', async () => {
    const model = await loadModel('corpora/nan-digits/nan-digits.onnx', { runtime: 'auto' });
    expect(findLogits(model.graph)).toMatchObject({ tensor: 'logits' });
    await model.dispose();
  });

  test('are the last softmax, not one inside', () => {
    const node = (op: string, inputs: string[], name: string) => ({ name, op, inputs, outputs: [name] });
    const graph = {
      nodes: [
        node('MatMul', ['x'], 'keys'),
        node('Softmax', ['keys'], 'attention'),
        node('Gemm', ['attention'], 'scores'),
        node('Softmax', ['scores'], 'out'),
      ],
      inputs: ['x'],
      outputs: ['out'],
      constants: new Map<string, number[]>(),
      values: new Map<string, number[]>(),
      shapes: new Map<string, number[]>(),
      types: new Map(),
    };
    expect(findLogits(graph)?.tensor).toBe('scores');
    expect(findLogits({ ...graph, outputs: ['keys'] })).toBeUndefined();
  });
});

describe('batches', () => {
  const spec = (shape: (number | null)[]) => ({ name: 'x', type: 'float32' as const, shape });

  test('run along a first dimension that every input leaves open', () => {
    expect(batchAxis([spec([null, 3]), spec([null])])).toBe('free');
    expect(batchAxis([spec([1, 3])])).toBe('one');
    expect(batchAxis([spec([null, 3]), spec([3])])).toBe('none');
    expect(batchAxis([spec([])])).toBe('none');
  });

  test('fall back to one row where the model does not keep to its declared batch', async () => {
    const graph = new OnnxBuilder();
    const x = graph.input('x', 'float32', ['batch', 4]);
    graph.node('Reshape', [x, graph.constant('one', 'int64', [2], BigInt64Array.of(1n, 4n))], 'y');
    graph.output('y', 'float32', ['batch', 4]);
    const path = join(folder, 'fixed.onnx');
    writeFileSync(path, graph.finish('fixed'));
    const inputs = [{ name: 'x', type: 'float32' as const, shape: [4], size: 4 }];
    const rows = new BatchedModel(await loadModel(path, { runtime: 'auto' }));
    expect((await rows.probe(allocateBatch(shapeSignatureOf(inputs), 2), [])).batchLimitReason).toMatch(
      /each run of the model has one testcase/,
    );
    expect(rows.maxBatchSize).toBe(1);
  });

  test('fall back to one row where an output is not one a row', async () => {
    const graph = new OnnxBuilder();
    graph.node('ReduceMean', [graph.input('x', 'float32', ['batch', 4])], 'y', { axes: [0, 1], keepdims: 0 });
    graph.output('y', 'float32', []);
    const path = join(folder, 'mean.onnx');
    writeFileSync(path, graph.finish('mean'));
    const inputs = [{ name: 'x', type: 'float32' as const, shape: [4], size: 4 }];
    const rows = new BatchedModel(await loadModel(path, { runtime: 'auto' }));
    expect((await rows.probe(allocateBatch(shapeSignatureOf(inputs), 2), [])).batchLimitReason).toMatch(
      /tensor y is scalar for a batch of 2/,
    );
  });
});
