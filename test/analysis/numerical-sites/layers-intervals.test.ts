import { beforeAll, expect, test } from '@jest/globals';
import { input, layers, model, type SymbolicTensor, sequential } from '@tensorflow/tfjs-layers';
import fc from 'fast-check';
import { uniformBoxes } from '../../../src/analysis/bounds/input-boxes.ts';
import { RelationalBounds } from '../../../src/analysis/bounds/relational-bounds.ts';
import type { Interval } from '../../../src/analysis/numerical-sites/interval.ts';
import { loadModel } from '../../../src/model/formats/registry.ts';
import { startTfjs } from '../../../src/model/formats/tfjs/backend.ts';
import type { Tensor } from '../../../src/tensor/tensor.ts';
import { testFolder } from '../../support/folder.ts';
import { fillWeights, runWatched, writeLayersModel } from '../../support/layers-model.ts';
import { propagateIntervals } from '../../support/propagate-intervals.ts';

const folder = testFolder();

beforeAll(() => startTfjs('cpu'));

const ACTIVATIONS = [
  'relu',
  'relu6',
  'elu',
  'selu',
  'sigmoid',
  'hardSigmoid',
  'softplus',
  'softsign',
  'tanh',
  'softmax',
  'logSoftmax',
  'gelu',
  'mish',
  'swish',
  'linear',
] as const;

/** Layers of one input that keep its shape, `[batch, 4]`. */
const UNARY: readonly ((alpha: number) => layers.Layer)[] = [
  ...ACTIVATIONS.flatMap((activation) => [
    // `gelu` is missing from the declared types.
    () => layers.activation({ activation: activation as 'relu' }),
    () => layers.dense({ units: 4, activation: activation as 'relu' }),
  ]),
  () => layers.batchNormalization({}),
  () => layers.layerNormalization({}),
  () => layers.prelu({}),
  (alpha) => layers.leakyReLU({ alpha }),
  (alpha) => layers.thresholdedReLU({ theta: alpha }),
  (alpha) => layers.rescaling({ scale: alpha, offset: -alpha }),
  (alpha) => layers.reLU({ maxValue: Math.abs(alpha) }),
];

const MERGES: readonly (() => layers.Layer)[] = [
  () => layers.add({}),
  () => layers.multiply({}),
  () => layers.average({}),
  () => layers.maximum({}),
  () => layers.minimum({}),
];

const steps = fc.array(
  fc.record({
    unary: fc.nat(UNARY.length - 1),
    merge: fc.option(fc.nat(MERGES.length - 1)),
    operands: fc.array(fc.nat(), { minLength: 2, maxLength: 3 }),
    // TensorFlow.js on wasm clips between equal bounds to garbage, so a maximum is not zero in single precision.
    alpha: fc.double({ min: -2, max: 2, noNaN: true }).filter((value) => Math.abs(value) > 1e-3),
  }),
  { minLength: 1, maxLength: 6 },
);

let count = 0;

test('no number of a run leaves the intervals, whatever the layers', async () => {
  let finite = 0;
  let known = 0;
  await fc.assert(
    fc.asyncProperty(steps, fc.constantFrom('cpu' as const, 'wasm' as const), async (list, runtime) => {
      const x = input({ shape: [4], name: 'x' });
      const tensors: SymbolicTensor[] = [x];
      for (const { unary, merge, operands, alpha } of list) {
        const read = operands.map((index) => tensors[index % tensors.length]);
        const layer = merge === null ? UNARY[unary](alpha) : MERGES[merge]();
        tensors.push(layer.apply(merge === null ? read[0] : read) as SymbolicTensor);
      }
      const net = fillWeights(model({ inputs: x, outputs: tensors.slice(1) }));
      const { loaded, activations } = await runWatched(folder, `net${count++}`, net, runtime);
      const range = new Map([['x', { low: -1, high: 1 }]]);
      const intervals = propagateIntervals(loaded, range);
      const [box] = uniformBoxes(loaded.inputs, range).boxes;
      const names = activations.map(({ name }) => name);
      const relational = new RelationalBounds(loaded, box, range, names, 1e7);
      for (const name of names) relational.narrow(name);
      for (const { name, data } of activations) {
        const { low, high } = intervals.get(name) ?? { low: Number.NaN, high: Number.NaN };
        if (Number.isFinite(low) && Number.isFinite(high)) finite++;
        const elements = relational.propagation.boundsOf(name);
        if (elements !== undefined) known++;
        (data as Float32Array).forEach((value, i) => {
          const at = elements === undefined ? 0 : i % elements.low.length;
          const least = Math.max(low, elements?.low[at] ?? low);
          const most = Math.min(high, elements?.high[at] ?? high);
          if (!(value >= least && value <= most))
            throw new Error(`${name} = ${value} is outside [${least}, ${most}]`);
        });
      }
      await loaded.dispose();
    }),
    { numRuns: 60 },
  );
  // Intervals without an end would hold anything.
  expect(finite).toBeGreaterThan(100);
  expect(known).toBeGreaterThan(100);
});

test('a partial result that overflows or cancels is within the interval of sums, products and means', async () => {
  const run = async (layer: layers.Layer, operands: readonly number[]) => {
    const inputs = operands.map((_, i) => input({ shape: [1], name: `x${i}` }));
    const net = model({ inputs, outputs: layer.apply(inputs) as SymbolicTensor });
    const path = await writeLayersModel(folder, `extreme${count++}`, net);
    const loaded = await loadModel(path, { runtime: 'cpu' });
    const feeds = operands.map(
      (value): Tensor => ({ type: 'float32', shape: [1, 1], data: Float32Array.of(value) }),
    );
    const { outputs } = await loaded.run(feeds, []);
    const points = operands.map((value, i): [string, Interval] => [
      `x${i}`,
      { low: Math.fround(value), high: Math.fround(value) },
    ]);
    const interval = propagateIntervals(loaded, new Map(points)).get(loaded.outputs[0]);
    await loaded.dispose();
    const [value] = outputs[0].data as Float32Array;
    return { value, isWithin: interval !== undefined && value >= interval.low && value <= interval.high };
  };
  const add = () => layers.add({ name: 'sum' });
  const multiply = () => layers.multiply({ name: 'product' });
  const infinite = { value: Number.POSITIVE_INFINITY, isWithin: true };
  expect(await run(add(), [3e38, 3e38, -3e38])).toEqual(infinite);
  expect(await run(add(), [1e8, 1, -1e8])).toEqual({ value: 0, isWithin: true });
  expect(await run(multiply(), [1e30, 1e30, 1e-30])).toEqual(infinite);
  expect(await run(multiply(), [1e-30, 1e-30, 1e30])).toEqual({ value: 0, isWithin: true });
  expect(await run(layers.average({ name: 'mean' }), [3e38, 3e38])).toEqual(infinite);
});

test('a maximum that single precision rounds up is the end of the interval', async () => {
  const layer = layers.reLU({ maxValue: 0.005295901792123915, inputShape: [4], name: 'layer' });
  const net = fillWeights(sequential({ layers: [layer] }));
  const { loaded, activations } = await runWatched(folder, 'rounded', net, 'cpu');
  const interval = propagateIntervals(loaded, new Map()).get('layer');
  expect(interval).toEqual({ low: 0, high: Math.max(...(activations[0].data as Float32Array)) });
  await loaded.dispose();
});
