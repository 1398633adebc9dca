import { expect, test } from '@jest/globals';
import { loadModel } from '../../src/model/formats/registry.ts';
import { hideScores } from '../../src/model/hide-scores.ts';
import { testFolder } from '../support/folder.ts';
import { writeGreatestOnnx } from '../support/models.ts';

const folder = testFolder();

test('a model that hides its scores says the greatest alone, and has no other run', async () => {
  const model = hideScores(await loadModel(writeGreatestOnnx(folder, false), { runtime: 'auto' }));
  const data = Float32Array.of(0.1, 0.4, 0.4, 0.2, Number.NaN, 0.3, 0.2, 0.1);
  const { outputs } = await model.run([{ type: 'float32', shape: [2, 4], data }], []);
  expect([...outputs[0].data]).toEqual([0, 1, 0, 0, 1, 0, 0, 0]);
  expect(model.capabilities).toEqual({});
  await model.dispose();
});

test('is loaded so by the option, with a second model too', async () => {
  const path = writeGreatestOnnx(folder, false);
  const model = await loadModel(path, {
    runtime: 'auto',
    hidesScores: true,
    hidesTensors: true,
    secondModel: { path, runtime: 'auto' },
  });
  const data = Float32Array.of(0.1, 0.4, 0.3, 0.2);
  const { outputs, secondOutputs = [] } = await model.run([{ type: 'float32', shape: [1, 4], data }], []);
  for (const [tensor] of [outputs, secondOutputs]) expect([...tensor.data]).toEqual([0, 1, 0, 0]);
  await model.dispose();
});
