import { beforeAll, expect, test } from '@jest/globals';
import * as tf from '@tensorflow/tfjs-core';
import { input, layers, model, type SymbolicTensor, sequential } from '@tensorflow/tfjs-layers';
import { startTfjs } from '../../../../../src/model/formats/tfjs/backend.ts';
import { testFolder } from '../../../../support/folder.ts';
import { feedsOf, fillWeights, runWatched } from '../../../../support/layers-model.ts';

const folder = testFolder();

beforeAll(() => startTfjs('cpu'));

/** Masks, a shared model, a recurrent layer, merged branches and fused activation functions. */
function branched() {
  const x = input({ shape: [5], name: 'words', dtype: 'int32' });
  const embedded = layers.embedding({ inputDim: 4, outputDim: 3, maskZero: true, name: 'table' }).apply(x);
  const body = sequential({
    name: 'body',
    layers: [
      layers.dense({ units: 3, inputShape: [5, 3], activation: 'relu', name: 'dense' }),
      layers.simpleRNN({ units: 3, recurrentInitializer: 'zeros', name: 'memory' }),
    ],
  });
  const branches = [body.apply(embedded), body.apply(embedded)] as SymbolicTensor[];
  const sum = layers.add({ name: 'sum' }).apply(branches);
  const outputs = layers
    .dense({ units: 2, activation: 'softmax', name: 'classes' })
    .apply(sum) as SymbolicTensor;
  return fillWeights(model({ inputs: x, outputs }));
}

test.each(['cpu', 'wasm'] as const)('watching every tensor on %s leaks none', async (runtime) => {
  const { loaded } = await runWatched(folder, `leak ${runtime}`, branched(), runtime);
  const feeds = feedsOf(loaded, 4);
  const before = tf.memory().numTensors;
  for (let i = 0; i < 10; i++) await loaded.run(feeds, loaded.watchable);
  for (let i = 0; i < 10; i++) await loaded.run(feeds, ['classes/BiasAdd']);
  expect(tf.memory().numTensors).toBe(before);
  await loaded.dispose();
});

test('disposing of a model disposes of its weights and settings', async () => {
  const net = sequential({
    layers: [
      layers.rescaling({ scale: 2, offset: 1, inputShape: [3], name: 'layer' }),
      layers.dense({ units: 2 }),
    ],
  });
  fillWeights(net);
  const first = tf.memory().numTensors;
  const { loaded } = await runWatched(folder, 'disposed', net, 'cpu');
  expect(loaded.constant('layer/scale')?.data).toEqual(Float32Array.of(2));
  expect(tf.memory().numTensors).toBeGreaterThan(first);
  await loaded.dispose();
  expect(tf.memory().numTensors).toBe(first);
});

test('a run that fails within a layer leaves the layer as it was', async () => {
  const net = fillWeights(
    sequential({
      layers: [
        layers.conv1d({
          filters: 2,
          kernelSize: 3,
          inputShape: [null, 2],
          activation: 'tanh',
          name: 'layer',
        }),
      ],
    }),
  );
  const { loaded } = await runWatched(folder, 'failing', net, 'cpu');
  const feeds = feedsOf(loaded, 2);
  const { outputs } = await loaded.run(feeds, []);
  const wrong = [{ type: 'float32' as const, shape: [2, 4, 3], data: new Float32Array(24) }];
  await expect(loaded.run(wrong, loaded.watchable)).rejects.toThrow(/expected axis -?\d+ .* to have value 2/);
  expect((await loaded.run(feeds, loaded.watchable)).outputs).toEqual(outputs);
  expect((await loaded.run(feeds, [])).outputs).toEqual(outputs);
  await loaded.dispose();
});
