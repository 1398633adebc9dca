import { beforeAll, expect, test } from '@jest/globals';
import { input, layers, model, type SymbolicTensor } from '@tensorflow/tfjs-layers';
import fc from 'fast-check';
import { propagateIntervals } from '../../../src/analysis/numerical-sites/interval-analysis.ts';
import { startTfjs } from '../../../src/model/formats/tfjs/backend.ts';
import { testFolder } from '../../support/folder.ts';
import { fillWeights, runWatched } from '../../support/layers-model.ts';

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
    alpha: fc.double({ min: -2, max: 2, noNaN: true }),
  }),
  { minLength: 1, maxLength: 6 },
);

test('no number of a run leaves the intervals, whatever the layers', async () => {
  let finite = 0;
  let count = 0;
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
      const intervals = propagateIntervals(loaded, new Map([['x', { low: -1, high: 1 }]]));
      for (const { name, data } of activations) {
        const { low, high } = intervals.get(name) ?? { low: Number.NaN, high: Number.NaN };
        if (Number.isFinite(low) && Number.isFinite(high)) finite++;
        for (const value of data as Float32Array)
          if (!(value >= low && value <= high))
            throw new Error(`${name} = ${value} is outside [${low}, ${high}]`);
      }
      await loaded.dispose();
    }),
    { numRuns: 60 },
  );
  // Intervals without an end would hold anything.
  expect(finite).toBeGreaterThan(100);
});
