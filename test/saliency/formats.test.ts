import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { writeNetwork } from '../../bench/networks.ts';
import { randomStream } from '../../src/core/random.ts';
import { BatchedModel } from '../../src/model/batched-model.ts';
import { loadModel } from '../../src/model/formats/registry.ts';
import type { Model } from '../../src/model/model.ts';
import { makeTestcaseInput, shapeSignatureOf } from '../../src/model/testcase-batch.ts';
import { explainInputs } from '../../src/saliency/explain.ts';
import { findWeightLayers } from '../../src/saliency/layers.ts';
import { spearman } from '../../src/saliency/metrics.ts';
import { testFolder } from '../support/folder.ts';
import { pictureTraits } from '../support/mutators.ts';

const folder = testFolder();
const SIDE = 28;
const random = randomStream('formats');
const shape = [SIDE, SIDE, 1];
const form = shapeSignatureOf([
  makeTestcaseInput({ name: 'image', type: 'float32', shape: [null, ...shape] }, shape),
]);
const data = { form, inputs: [Float32Array.from({ length: SIDE * SIDE }, () => random.uniform())] };
const inputs = [{ index: 0, classIndex: 3, data }];
const context = {
  seed: 'formats',
  descriptor: pictureTraits(SIDE, SIDE),
  position: 0,
  scores: 'logits',
  baseline: undefined,
};
const METHODS = ['gradient', 'guided-backprop', 'grad-cam', 'guided-grad-cam'];

let models: readonly Model[];
beforeAll(async () => {
  const { onnx, tfjs } = await writeNetwork('convolution', folder);
  models = [await loadModel(onnx, { runtime: 'auto' }), await loadModel(tfjs, { runtime: 'wasm' })];
});
afterAll(async () => {
  for (const model of models) await model.dispose();
});

test('maps of one net in ONNX and TensorFlow.js, whose Relus are fused with convolutions, are the same', async () => {
  const [onnx, tfjs] = await Promise.all(
    models.map((model) =>
      explainInputs(
        new BatchedModel(model),
        { inputs, methods: METHODS, context, draws: 'first' },
        64,
        () => {},
      ),
    ),
  );
  for (const method of METHODS) {
    const [a, b] = [onnx[method][0], tfjs[method][0]];
    if (!('map' in a && 'map' in b)) throw new Error(`${method} gives no map`);
    const largest = a.map.magnitude.reduce((most, value) => Math.max(most, value));
    expect(largest).toBeGreaterThan(0);
    const errors = a.map.signed.map((value, i) => Math.abs(value - b.map.signed[i]) / largest);
    expect(Math.max(...errors)).toBeLessThan(1e-4);
  }
  const [plain, guided] = [tfjs.gradient[0], tfjs['guided-backprop'][0]];
  if (!('map' in plain && 'map' in guided)) throw new Error('no map');
  expect(spearman(plain.map.signed, guided.map.signed)).toBeLessThan(0.9);
});

test('both have the same layers, each with its bias', () => {
  for (const { graph } of models)
    expect(findWeightLayers(graph).map(({ constants }) => constants)).toEqual([
      ['convolution_1/w', 'convolution_1/b'],
      ['convolution_2/w', 'convolution_2/b'],
      ['dense/w', 'dense/b'],
    ]);
});
