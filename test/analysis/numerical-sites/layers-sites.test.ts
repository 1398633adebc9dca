import { beforeAll, describe, expect, test } from '@jest/globals';
import * as tf from '@tensorflow/tfjs-core';
import {
  input,
  type LayersModel,
  layers,
  model,
  type SymbolicTensor,
  sequential,
} from '@tensorflow/tfjs-layers';
import { findReachableSites } from '../../../src/analysis/bounds/reachable-sites.ts';
import { NonfiniteLocalizer } from '../../../src/analysis/nonfinite-localizer.ts';
import { findNumericalSites } from '../../../src/analysis/numerical-sites/find-sites.ts';
import { loadModel } from '../../../src/model/formats/registry.ts';
import { startTfjs } from '../../../src/model/formats/tfjs/backend.ts';
import type { Tensor } from '../../../src/tensor/tensor.ts';
import { testFolder } from '../../support/folder.ts';
import { maskedSoftmax, normalizedUnits, writeLayersModel } from '../../support/layers-model.ts';

const folder = testFolder();

beforeAll(() => startTfjs('cpu'));

let count = 0;
const load = async (net: LayersModel) =>
  loadModel(await writeLayersModel(folder, `net${count++}`, net), { runtime: 'cpu' });

async function sitesOf(net: LayersModel) {
  const loaded = await load(net);
  const sites = findNumericalSites(loaded);
  await loaded.dispose();
  return sites.map(({ name, kind, region }) => `${kind} ${name}: ${region}`);
}

const dense = (units: number, name: string, activation?: string): layers.Layer =>
  layers.dense({
    units,
    name,
    inputShape: [4],
    ...(activation === undefined ? {} : { activation: activation as 'relu' }),
  });

/** A hundred channels, more than the graph holds the values of, the last one's variance another than 1. */
function batchNormalized(variance: number, epsilon: number): LayersModel {
  const net = sequential({
    layers: [dense(100, 'hidden'), layers.batchNormalization({ epsilon, name: 'norm' })],
  });
  const variances = tf.concat([tf.ones([99]), tf.tensor1d([variance])]);
  net.layers[1].setWeights([tf.ones([100]), tf.zeros([100]), tf.zeros([100]), variances]);
  return net;
}

describe('sites of a layers model are', () => {
  test('normalizations that divide by nothing', async () => {
    expect(await sitesOf(normalizedUnits(0))).toEqual([
      // Behind units that may all be dead, that is another way to it.
      'normalisation norm/LayerNormalization: variance of hidden = 0 or variance of hidden = 0',
    ]);
    expect(await sitesOf(normalizedUnits(1e-3))).toEqual([]);
    const [site] = await sitesOf(batchNormalized(0, 0));
    expect(site).toMatch(/^batch-norm norm\/BatchNormalization: norm > 3.40282e\+38/);
    expect(await sitesOf(batchNormalized(-1, 1e-3))).toHaveLength(1);
    expect(await sitesOf(batchNormalized(0, 1e-3))).toEqual([]);
  });

  test.each(['cpu', 'wasm'] as const)('no softmax of finite logits: on %s it is finite', async (runtime) => {
    const net = sequential({ layers: [layers.softmax({ axis: -1, inputShape: [4], name: 'classes' })] });
    const loaded = await loadModel(await writeLayersModel(folder, `softmax-${runtime}`, net), { runtime });
    const max = 3.4028234663852886e38;
    const rows = [max, -max, 0, 1, -max, -max, -max, -max, max, max, max, max];
    const { outputs } = await loaded.run(
      [{ type: 'float32', shape: [3, 4], data: Float32Array.from(rows) }],
      [],
    );
    const shares = [...(outputs[0].data as Float32Array)];
    expect(shares).toEqual([1, 0, 0, 0, ...new Array(8).fill(0.25)]);
    await loaded.dispose();
  });

  test('a softmax that a constant may mask, and no other', async () => {
    expect(await sitesOf(maskedSoftmax())).toEqual([
      'softmax-mask weights/Softmax: masked = −∞ all along axis -1',
    ]);
    expect(await sitesOf(sequential({ layers: [dense(3, 'classes', 'softmax')] }))).toEqual([]);
  });

  test('recurrent layers whose activation function has no bound', async () => {
    const recurrent = (activation: 'relu' | 'tanh'): LayersModel =>
      sequential({
        layers: [
          layers.lstm({
            units: 2,
            inputShape: [4, 2],
            activation,
            recurrentInitializer: 'zeros',
            name: 'memory',
          }),
        ],
      });
    expect(await sitesOf(recurrent('relu'))).toEqual([
      'recurrence memory/LSTM: memory > 3.40282e+38 or memory < -3.40282e+38',
    ]);
    expect(await sitesOf(recurrent('tanh'))).toEqual([]);
  });

  test('conversions of inputs to indices, unless the range rules them out', async () => {
    const loaded = await load(
      sequential({
        layers: [layers.embedding({ inputDim: 9, outputDim: 2, inputLength: 3, name: 'table' })],
      }),
    );
    expect(findNumericalSites(loaded)).toMatchObject([{ name: 'table/Cast', kind: 'cast' }]);
    const within = new Map([['table_input', { low: 0, high: 8 }]]);
    expect(findReachableSites(loaded, within)).toMatchObject([{ name: 'table/Cast', targets: [] }]);
    await loaded.dispose();
  });

  test('ruled out where intervals of the layers before keep them from their region', async () => {
    const net = sequential({
      layers: [
        dense(3, 'hidden', 'tanh'),
        layers.dense({ units: 3, activation: 'logSoftmax' as 'softmax', name: 'classes' }),
      ],
    });
    const loaded = await load(net);
    expect(findNumericalSites(loaded)).toMatchObject([
      { name: 'classes/LogSoftmax', kind: 'log-softmax-range' },
    ]);
    // The hyperbolic tangent is bounded whatever the inputs.
    expect(findReachableSites(loaded, new Map())).toMatchObject([{ targets: [] }]);
    await loaded.dispose();
  });
});

describe('an infinity or a NaN in a layers model is traced to', () => {
  const huge = 3e38;
  const feed = (...values: number[]): Tensor[] => [
    { type: 'float32', shape: [1, 4], data: Float32Array.from(values) },
  ];

  async function originOf(net: LayersModel, feeds: Tensor[]) {
    const loaded = await load(net);
    const origin = await new NonfiniteLocalizer(loaded).locate(feeds);
    await loaded.dispose();
    return origin === undefined ? undefined : `${origin.kind} ${origin.node.name} (${origin.node.op})`;
  }

  test('the operation within the layer', async () => {
    const product = sequential({
      layers: [dense(2, 'hidden', 'relu'), layers.dense({ units: 2, name: 'out' })],
    });
    product.layers[0].setWeights([tf.fill([4, 2], huge), tf.zeros([2])]);
    expect(await originOf(product, feed(1, 1, 0, 0))).toBe('inf hidden/MatMul (MatMul)');
    product.layers[0].setWeights([tf.fill([4, 2], huge), tf.fill([2], huge)]);
    expect(await originOf(product, feed(1, 0, 0, 0))).toBe('inf hidden/BiasAdd (BiasAdd)');
    product.layers[0].setWeights([tf.fill([4, 2], huge), tf.zeros([2])]);
    product.layers[1].setWeights([tf.ones([2, 2]), tf.zeros([2])]);
    expect(await originOf(product, feed(1, 0, 0, 0))).toBe('inf out/MatMul (MatMul)');
    expect(await originOf(product, feed(0, 0, 0, 0))).toBeUndefined();
  });

  test('a normalization of equal values, and one by a variance of zero', async () => {
    expect(await originOf(normalizedUnits(0), feed(-1, -1, -1, -1))).toBe(
      'nan norm/LayerNormalization (LayerNormalization)',
    );
    expect(await originOf(batchNormalized(0, 0), feed(1, 2, 3, 4))).toMatch(
      /^(nan|inf) norm\/BatchNormalization \(BatchNormalization\)$/,
    );
  });

  test('a softmax that is masked all along, and not to the mask', async () => {
    const words: Tensor = { type: 'int32', shape: [1, 6], data: Int32Array.of(1, 1, 1, 1, 1, 1) };
    const scores: Tensor = { type: 'float32', shape: [1, 6], data: new Float32Array(6) };
    expect(await originOf(maskedSoftmax(), [words, scores])).toBe('nan weights/Softmax (Softmax)');
  });

  test('a product of layers', async () => {
    const x = input({ shape: [4], name: 'x' });
    const square = layers.multiply({ name: 'square' }).apply([x, x]) as SymbolicTensor;
    const out = layers.activation({ activation: 'softmax', name: 'out' }).apply(square) as SymbolicTensor;
    expect(await originOf(model({ inputs: x, outputs: out }), feed(1e30, 0, 0, 0))).toBe(
      'inf square/Mul (Mul)',
    );
  });

  test('one direction of a recurrent layer', async () => {
    const net = sequential({
      layers: [
        layers.bidirectional({
          layer: layers.simpleRNN({ units: 2, activation: 'relu', recurrentInitializer: 'zeros' }) as never,
          inputShape: [3, 4],
          name: 'both',
        }),
      ],
    });
    const weights = (factor: number): tf.Tensor[] => [
      tf.fill([4, 2], factor),
      tf.zeros([2, 2]),
      tf.zeros([2]),
    ];
    net.layers[0].setWeights([...weights(1), ...weights(huge)]);
    const feeds: Tensor[] = [{ type: 'float32', shape: [1, 3, 4], data: new Float32Array(12).fill(1) }];
    expect(await originOf(net, feeds)).toBe('nan both/SimpleRNN_2 (SimpleRNN)');
  });
});
