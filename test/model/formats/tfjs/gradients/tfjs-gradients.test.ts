import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import * as tf from '@tensorflow/tfjs-core';
import {
  input,
  type LayersModel,
  layers,
  model as layersModel,
  type SymbolicTensor,
  sequential,
} from '@tensorflow/tfjs-layers';
import { loadModel } from '../../../../../src/model/formats/registry.ts';
import { startTfjs } from '../../../../../src/model/formats/tfjs/backend.ts';
import { attr, TfjsBuilder } from '../../../../../src/model/formats/tfjs/builder.ts';
import { type GradientRequest, NoGradientError } from '../../../../../src/model/gradients/gradient.ts';
import type { Model } from '../../../../../src/model/model.ts';
import { sizeOf, type Tensor } from '../../../../../src/tensor/tensor.ts';
import { testFolder } from '../../../../support/folder.ts';
import { feedsOf, fillWeights, writeLayersModel } from '../../../../support/layers-model.ts';

const folder = testFolder();
const STEP = 2 ** -8;
const TOLERANCE = 1e-2;
const CORPUS = 'corpora/nan-digits';

await startTfjs('cpu');

function floats(shape: readonly number[], seed: number): Tensor {
  const data = Float32Array.from({ length: sizeOf(shape) }, (_, i) => Math.sin(seed + 1.7 * i) / 2);
  return { type: 'float32', shape, data };
}

async function gradientOf(
  model: Model,
  request: GradientRequest,
  feeds: readonly Tensor[],
  upstream?: Tensor,
) {
  const { gradients } = model.capabilities;
  if (gradients === undefined) throw new Error('no gradients');
  const gradient = await gradients.gradient(request, feeds);
  const seed = upstream ?? floats(gradient.shape, 2);
  return { gradient, seed, results: await gradient.run(feeds, seed) };
}

const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a).reduce((sum, value, i) => sum + value * b[i], 0);

/** Compares with central differences along a direction in all inputs of floats. */
async function expectGradient(model: Model, of: string, feeds: readonly Tensor[]): Promise<void> {
  const moving = model.inputs.flatMap(({ type, name }, i) => (type === 'float32' ? [{ name, i }] : []));
  const { seed, results } = await gradientOf(model, { of, wrt: moving.map(({ name }) => name) }, feeds);
  const directions = moving.map(({ i }) => floats(feeds[i].shape, 5));
  const valueAt = async (step: number): Promise<number> => {
    const moved = feeds.map((feed, i) => {
      const at = moving.findIndex((item) => item.i === i);
      if (at < 0) return feed;
      const data = feed.data as Float32Array;
      return { ...feed, data: data.map((value, j) => value + step * Number(directions[at].data[j])) };
    });
    const [{ data }] = (await model.run(moved, [of])).activations;
    return dot(data as Float32Array, seed.data as Float32Array);
  };
  const differences = ((await valueAt(STEP)) - (await valueAt(-STEP))) / (2 * STEP);
  const along = results.reduce(
    (sum, { data }, i) => sum + dot(data as Float32Array, directions[i].data as Float32Array),
    0,
  );
  expect(Math.abs(along - differences)).toBeLessThan(TOLERANCE * Math.max(0.05, Math.abs(differences)));
  expect(along).not.toBe(0);
}

const stack = (shape: readonly number[], ...list: layers.Layer[]): LayersModel => {
  const x = input({ shape: [...shape], name: 'x' });
  const y = list.reduce((tensor, layer) => layer.apply(tensor) as SymbolicTensor, x);
  return layersModel({ inputs: x, outputs: y });
};

const NETWORKS: Readonly<Record<string, () => LayersModel>> = {
  'dense and softmax': () =>
    stack(
      [5],
      layers.dense({ units: 6, activation: 'tanh' }),
      layers.batchNormalization(),
      layers.dense({ units: 3, activation: 'softmax', name: 'classes' }),
    ),
  'convolutions and pooling': () =>
    stack(
      [8, 7, 2],
      layers.conv2d({ filters: 4, kernelSize: 3, padding: 'same', activation: 'elu' }),
      layers.maxPooling2d({ poolSize: 2 }),
      layers.depthwiseConv2d({ kernelSize: 2, depthMultiplier: 2 }),
      layers.separableConv2d({ filters: 3, kernelSize: 2, padding: 'same' }),
      layers.averagePooling2d({ poolSize: 2, strides: 1, padding: 'same' }),
      layers.globalAveragePooling2d({}),
    ),
  'larger and smaller pictures': () =>
    stack(
      [4, 3, 2],
      layers.upSampling2d({ size: [2, 2] }),
      layers.conv2dTranspose({ filters: 2, kernelSize: 3, strides: 2, padding: 'same' }),
      layers.zeroPadding2d({ padding: 1 }),
      layers.cropping2D({
        cropping: [
          [1, 2],
          [0, 1],
        ],
      }),
      layers.flatten(),
    ),
  'a GRU and an LSTM': () =>
    stack(
      [6, 3],
      layers.gru({ units: 4, recurrentInitializer: 'glorotUniform', returnSequences: true }),
      layers.bidirectional({
        layer: layers.lstm({ units: 3, recurrentInitializer: 'glorotUniform' }) as layers.RNN,
        mergeMode: 'concat',
      }),
    ),
  normalizations: () =>
    stack(
      [3, 4],
      layers.layerNormalization(),
      layers.reLU({ maxValue: 6 }),
      layers.dense({ units: 2 }),
      layers.leakyReLU(),
    ),
};

test.each(Object.entries(NETWORKS))('a layers model of %s, on both runtimes', async (name, build) => {
  const path = await writeLayersModel(folder, name.replaceAll(' ', '-'), fillWeights(build()));
  for (const runtime of ['cpu', 'wasm'] as const) {
    const model = await loadModel(path, { runtime });
    await expectGradient(model, model.outputs[0], feedsOf(model, 2));
    await model.dispose();
  }
});

test('inner tensors are differentiated, also those within a layer, and operands of the gradient may be inner ones', async () => {
  const path = await writeLayersModel(folder, 'inner', fillWeights(NETWORKS['dense and softmax']()));
  const model = await loadModel(path, { runtime: 'cpu' });
  const feeds = feedsOf(model, 3);
  await expectGradient(model, 'classes/MatMul', feeds);
  await expectGradient(model, 'classes/BiasAdd', feeds);
  const logits = 'classes/BiasAdd';
  const wrt = [model.inputs[0].name];
  const [whole, part] = [
    await gradientOf(model, { of: logits, wrt }, feeds),
    await gradientOf(model, { of: 'classes/MatMul', wrt }, feeds),
  ];
  const both = await model.capabilities.gradients?.gradient(
    { of: logits, alsoOf: ['classes/MatMul'], wrt },
    feeds,
  );
  const [sum] = (await both?.run(feeds, whole.seed, [part.seed])) ?? [];
  Array.from(sum.data as Float32Array).forEach(
    (value, i) =>
      void expect(value).toBeCloseTo(Number(whole.results[0].data[i]) + Number(part.results[0].data[i]), 5),
  );
  const [{ data: values }] = (await model.run(feeds, [model.outputs[0]])).activations;
  const { results, seed } = await gradientOf(model, { of: model.outputs[0], wrt: [logits] }, feeds);
  // The gradient of a softmax: y·(g − Σ g·y).
  const [y, g] = [values as Float32Array, seed.data as Float32Array];
  const expected = Array.from(y, (value, i) => {
    const first = 3 * Math.floor(i / 3);
    const mean = [0, 1, 2].reduce((sum, k) => sum + g[first + k] * y[first + k], 0);
    return value * (g[i] - mean);
  });
  Array.from(results[0].data as Float32Array).forEach(
    (value, i) => void expect(value).toBeCloseTo(expected[i], 5),
  );
});

test('the ONNX and the TensorFlow.js model of one network have the same gradients', async () => {
  const [onnx, tfjs] = [
    await loadModel(join(CORPUS, 'nan-digits.onnx'), { runtime: 'auto' }),
    // WebAssembly's OneHot gives other values.
    await loadModel(join(CORPUS, 'nan-digits-tfjs/model.json'), { runtime: 'cpu' }),
  ];
  const rows = 4;
  const image = floats([rows, 28, 28, 1], 3);
  const label = Int32Array.from({ length: rows }, (_, i) => i);
  const feeds = (model: Model): Tensor[] =>
    model.inputs.map(({ name, type, shape }) => {
      if (name === 'image') return { ...image, shape: [rows, ...shape.slice(1).map(Number)] };
      return { type, shape: [rows], data: type === 'int64' ? BigInt64Array.from(label, BigInt) : label };
    });
  for (const tensor of ['logits', 'loss']) {
    const seed = floats(tensor === 'loss' ? [rows] : [rows, 10], 1);
    const request = { of: tensor, wrt: ['image'] };
    const [a, b] = [
      (await gradientOf(onnx, request, feeds(onnx), seed)).results[0].data as Float32Array,
      (await gradientOf(tfjs, request, feeds(tfjs), seed)).results[0].data as Float32Array,
    ];
    const largest = a.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    expect(largest).toBeGreaterThan(0);
    expect(a.length).toBe(b.length);
    a.forEach((value, i) => void expect(Math.abs(value - b[i])).toBeLessThan(1e-5 * largest));
  }
});

function writeGraph(name: string, build: (graph: TfjsBuilder) => void): string {
  const graph = new TfjsBuilder();
  graph.input('x', 'float32', [-1, 4]);
  build(graph);
  const { json, weightFile, weights } = graph.finish();
  mkdirSync(join(folder, name));
  writeFileSync(join(folder, name, weightFile), weights);
  writeFileSync(join(folder, name, 'model.json'), json);
  return join(folder, name, 'model.json');
}

test('rounding stops a gradient, and passes it on where a search asks for that', async () => {
  const path = writeGraph('rounded', (graph) => {
    graph.constant('scale', 'float32', [], Float32Array.of(3));
    graph.node('Mul', ['x', 'scale'], 'scaled');
    graph.node('Round', ['scaled'], 'round');
    graph.node('Cast', ['round'], 'whole', { SrcT: attr.type('float32'), DstT: attr.type('int32') });
    graph.node('Cast', ['whole'], 'y', { SrcT: attr.type('int32'), DstT: attr.type('float32') });
    graph.output('y', 'float32', [-1, 4]);
  });
  const model = await loadModel(path, { runtime: 'wasm' });
  const feeds = [floats([2, 4], 1)];
  await expect(gradientOf(model, { of: 'y', wrt: ['x'] }, feeds)).rejects.toThrow(
    new NoGradientError('y', ['Round (round)', 'Cast (whole)']),
  );
  const { results, seed } = await gradientOf(model, { of: 'y', wrt: ['x'], straightThrough: true }, feeds);
  expect([...(results[0].data as Float32Array)]).toEqual(
    Array.from(seed.data as Float32Array, (value) => Math.fround(3 * value)),
  );
});

test('an operation without a gradient is named, and other ways stay', async () => {
  const path = writeGraph('partly', (graph) => {
    graph.constant('box', 'int32', [], Int32Array.of(1));
    graph.node('Cumprod', ['x', 'box'], 'products');
    graph.node('Square', ['x'], 'square');
    graph.node('AddV2', ['products', 'square'], 'y');
    graph.output('y', 'float32', [-1, 4]);
  });
  const model = await loadModel(path, { runtime: 'cpu' });
  const feeds = [floats([2, 4], 1)];
  const { gradient, results, seed } = await gradientOf(model, { of: 'y', wrt: ['x'] }, feeds);
  expect(gradient).toMatchObject({
    shape: [2, 4],
    stops: ['Cumprod (products)'],
    differentiated: 2,
    onPath: 3,
  });
  const x = feeds[0].data as Float32Array;
  Array.from(results[0].data as Float32Array).forEach(
    (value, i) => void expect(value).toBeCloseTo(2 * x[i] * Number(seed.data[i]), 5),
  );
  await expect(gradientOf(model, { of: 'products', wrt: ['x'] }, feeds)).rejects.toThrow(
    'no gradient through Cumprod (products)',
  );
});

test('a thousand gradients leave no tensor and no kernel behind', async () => {
  const path = await writeLayersModel(
    folder,
    'leak',
    fillWeights(
      sequential({
        layers: [layers.depthwiseConv2d({ kernelSize: 2, inputShape: [3, 3, 1] }), layers.flatten()],
      }),
    ),
  );
  const model = await loadModel(path, { runtime: 'wasm' });
  const feeds = feedsOf(model, 1);
  const request = { of: model.outputs[0], wrt: [model.inputs[0].name] };
  const { results } = await gradientOf(model, request, feeds);
  const [tensors, kernels] = [tf.memory().numTensors, tf.getKernelsForBackend('wasm').length];
  for (let i = 0; i < 1000; i++) expect((await gradientOf(model, request, feeds)).results).toEqual(results);
  await expect(
    gradientOf(model, { ...request, of: request.wrt[0], wrt: [model.outputs[0]] }, feeds),
  ).rejects.toThrow(NoGradientError);
  expect(tf.memory().numTensors).toBe(tensors);
  expect(tf.getKernelsForBackend('wasm')).toHaveLength(kernels);
});
