import { expect, test } from '@jest/globals';
import { loadModel } from '../../src/model/formats/registry.ts';
import { hideScores } from '../../src/model/hide-scores.ts';
import { testFolder } from '../support/folder.ts';
import { writeGreatestOnnx } from '../support/models.ts';

const folder = testFolder();

test('a model that hides its scores says the greatest alone, and has no other run', async () => {
  const model = hideScores(await loadModel(writeGreatestOnnx(folder, false), { runtime: 'auto' }), 0);
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
    shownScores: 0,
    hidesTensors: true,
    secondModel: { path, runtime: 'auto' },
  });
  const data = Float32Array.of(0.1, 0.4, 0.3, 0.2);
  const { outputs, secondOutputs = [] } = await model.run([{ type: 'float32', shape: [1, 4], data }], []);
  for (const [tensor] of [outputs, secondOutputs]) expect([...tensor.data]).toEqual([0, 1, 0, 0]);
  await model.dispose();
});

test.each([
  // A distribution: what is left is shared.
  [1, [0.1, 0.5, 0.15, 0.25], [1 / 6, 0.5, 1 / 6, 1 / 6]],
  [2, [0.1, 0.5, 0.15, 0.25], [0.125, 0.5, 0.125, 0.25]],
  // Others lie below all that are shown, and below 0.
  [1, [3, 7, -2, 5], [-1, 7, -1, -1]],
  [2, [-3, -7, -2, -5], [-3, -4, -2, -4]],
  // Of equal scores the first is shown.
  [1, [3, 3, 1, 3], [3, -1, -1, -1]],
  [4, [3, 7, -2, 5], [3, 7, -2, 5]],
])('of its %i greatest scores, %j shows %j', async (shown, scores, seen) => {
  const model = hideScores(await loadModel(writeGreatestOnnx(folder, false), { runtime: 'auto' }), shown);
  const data = Float32Array.from(scores);
  const { outputs } = await model.run([{ type: 'float32', shape: [1, 4], data }], []);
  for (const [i, value] of seen.entries()) expect(outputs[0].data[i]).toBeCloseTo(value, 6);
  await model.dispose();
});
