import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { randomStream } from '../../../src/core/random.ts';
import { LatentCodec } from '../../../src/latent/latent-codec.ts';
import { surveyCodec } from '../../../src/latent/survey.ts';
import { trainAutoencoder } from '../../../src/latent/training/train-autoencoder.ts';
import { writeModels } from '../../../src/latent/training/write-models.ts';
import { loadModel } from '../../../src/model/formats/registry.ts';
import { testFolder } from '../../support/folder.ts';

const folder = testFolder();
const COUNT = 300;
const random = randomStream('data');

/** Points near a curve in six dimensions, whose class says on which of two curves. */
const labels = Array.from({ length: COUNT }, (_, i) => i % 2);
const inputs = Float32Array.from({ length: COUNT * 6 }, () => 0);
labels.forEach((label, row) => {
  const t = 2 * random.uniform() - 1;
  for (let k = 0; k < 6; k++) inputs[row * 6 + k] = 5 + 3 * Math.sin((k + 1) * t + label);
});

const OPTIONS = {
  sizes: { input: 6, latent: 2, hidden: 64, classes: 0 },
  scale: { middle: 5, half: 3 },
  steps: 600,
  hasCritic: false,
  seed: 'test',
};

async function codecOf(name: string, own: Partial<typeof OPTIONS>, given: readonly number[] | undefined) {
  const path = join(folder, name);
  mkdirSync(path);
  const autoencoder = await trainAutoencoder({ inputs, labels: given }, { ...OPTIONS, ...own });
  const input = { name: 'x', type: 'float32' as const, shape: [2, 3] };
  await writeModels(path, autoencoder, input);
  const codecs = await Promise.all(
    (['.onnx', '/model.json'] as const).map(async (ending) =>
      LatentCodec.open(
        {
          encoder: await loadModel(join(path, `encoder${ending}`), { runtime: 'auto' }),
          decoder: await loadModel(join(path, `decoder${ending}`), { runtime: 'auto' }),
        },
        { ...input, values: inputs.slice(0, 6) },
      ),
    ),
  );
  return { autoencoder, codecs };
}

const rows = labels.map((label, row) => ({
  type: 'float32' as const,
  values: inputs.slice(row * 6, (row + 1) * 6),
  label,
}));

test('an autoencoder gives inputs back, in both formats alike', async () => {
  const { codecs, autoencoder } = await codecOf('plain', {}, undefined);
  const [onnx, tfjs] = await Promise.all(codecs.map((codec) => surveyCodec(codec, rows)));
  expect(onnx.reconstructionError).toBeLessThan(0.2 * onnx.meanError);
  expect(tfjs.reconstructionError).toBeCloseTo(onnx.reconstructionError, 4);
  const again = await trainAutoencoder({ inputs, labels: undefined }, OPTIONS);
  expect(again.weights).toEqual(autoencoder.weights);
});

test('with classes it is a conditional one that is told them', async () => {
  const { codecs } = await codecOf('conditional', { sizes: { ...OPTIONS.sizes, classes: 2 } }, labels);
  const [onnx, tfjs] = await Promise.all(codecs.map((codec) => surveyCodec(codec, rows)));
  expect(codecs[0].roles.decoder.label).toEqual({ input: 1, classes: 2 });
  expect(onnx.reconstructionError).toBeLessThan(0.4 * onnx.meanError);
  expect(tfjs.reconstructionError).toBeCloseTo(onnx.reconstructionError, 4);
  const z = await codecs[0].encode('float32', rows[0].values, 0);
  expect(await codecs[0].decode(z, [0])).not.toEqual(await codecs[0].decode(z, [1]));
});

test('with a critic it still gives inputs back', async () => {
  const { codecs } = await codecOf('acai', { hasCritic: true, steps: 500 }, undefined);
  const { reconstructionError, meanError } = await surveyCodec(codecs[0], rows);
  expect(reconstructionError).toBeLessThan(0.4 * meanError);
});
