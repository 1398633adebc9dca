import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { DEFAULT_LAYOUT, neuronValues } from '../../../../src/coverage/neurons.ts';
import { observedTensors } from '../../../../src/coverage/registry.ts';
import { BatchedModel } from '../../../../src/model/batched-model.ts';
import { loadModel } from '../../../../src/model/formats/registry.ts';
import type { Model } from '../../../../src/model/model.ts';
import { packBatch, shapeSignatureOf } from '../../../../src/model/testcase-batch.ts';

const LAYERS = ['relu', 'relu_1', 'linear'];
let model: Model;

beforeAll(async () => {
  model = await loadModel('test/fixtures/convnet.onnx', { runtime: 'auto' });
});

afterAll(() => model.dispose());

test('of the layers of a convolution network, those with feature maps have means', () => {
  const { mapMeans } = model.capabilities;
  expect(LAYERS.map((name) => mapMeans?.meanOf(name))).toEqual([
    'neurofuzz_mean_of_relu',
    'neurofuzz_mean_of_relu_1',
    undefined,
  ]);
  expect(model.watchable).not.toContain('neurofuzz_mean_of_relu');
});

test('the runtime’s means are those of the values, and other tensors come along', async () => {
  const [{ name, type, shape }] = model.inputs;
  const row = shape.slice(1).map((size) => Number(size));
  const size = row.reduce((product, length) => product * length, 1);
  const form = shapeSignatureOf([{ name, type, shape: row, size }]);
  const batch = packBatch(
    [1, 2, 3].map((seed) => ({
      form,
      inputs: [Float32Array.from({ length: size }, (_, i) => Math.sin(seed * (i + 1)))],
    })),
  );
  const rows = new BatchedModel(model);
  const measured = await rows.run(batch, 3, LAYERS);
  const watched = observedTensors('neuron', LAYERS, model.capabilities.mapMeans);
  const means = await rows.run(batch, 3, watched);
  const [expected, given] = [neuronValues(measured, DEFAULT_LAYOUT), neuronValues(means, DEFAULT_LAYOUT)];
  expect(given.width).toBe(expected.width);
  expect(means.activations[0].size).toBeLessThan(measured.activations[0].size / 10);
  expected.values.forEach((value, i) => expect(given.values[i]).toBeCloseTo(value, 5));
});

test('a criterion that compares values watches these, and so does every criterion of a model without means', async () => {
  expect(observedTensors('values', LAYERS, model.capabilities.mapMeans)).toEqual(LAYERS);
  expect(observedTensors('top-k', LAYERS, undefined)).toEqual(LAYERS);
});
