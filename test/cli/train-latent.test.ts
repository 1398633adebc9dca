import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { encodeNpy } from '../../src/tensor/npy.ts';
import { encodeNpz } from '../../src/tensor/npz.ts';
import { digests, readJson } from '../support/campaign.ts';
import { neurofuzz } from '../support/command.ts';
import { testFolder } from '../support/folder.ts';
import { writeSeeds } from '../support/models.ts';

const folder = testFolder();
const COUNT = 600;

/** Blobs of 8×8 pixels that move along the diagonal. */
const pictures = Float32Array.from({ length: COUNT * 64 }, (_, i) => {
  const [row, pixel] = [Math.floor(i / 64), i % 64];
  const [y, x] = [Math.floor(pixel / 8), pixel % 8];
  const middle = 1 + (6 * (row % 97)) / 96;
  return Math.exp(-((y - middle) ** 2 + (x - middle) ** 2) / 2);
});
const seeds = join(folder, 'blobs.npz');
writeFileSync(seeds, encodeNpz([['blob', { type: 'float32', shape: [COUNT, 8, 8, 1], data: pictures }]]));
const labels = join(folder, 'labels.npy');
writeFileSync(
  labels,
  encodeNpy({
    type: 'float32',
    shape: [COUNT],
    data: Float32Array.from({ length: COUNT }, (_, i) => Number(i % 97 > 48)),
  }),
);

const TRAIN = [
  'train-latent',
  '--seeds',
  seeds,
  '--size',
  '3',
  '--hidden',
  '64',
  '--steps',
  '300',
  '--quiet',
];

test('trains an encoder and a decoder, whose paths can be checked; the same seed gives the same files', async () => {
  const [first, second] = [join(folder, 'first'), join(folder, 'second')];
  expect(await neurofuzz([...TRAIN, '-o', first])).toMatchObject({ code: 0, stdout: '' });
  const card = readJson(first, 'card.json');
  expect(card).toMatchObject({
    formatVersion: 1,
    seed: '1',
    data: { inputs: COUNT, heldOut: 60, shape: [8, 8, 1], classes: 0 },
    network: { kind: 'autoencoder', latent: 3, hidden: [64, 64], steps: 300 },
  });
  expect(card.data.sha256).toMatch(/^[0-9a-f]{64}$/);
  expect(card.errors.heldOut).toBeLessThan(0.6 * card.errors.mean);
  expect(existsSync(join(first, 'decoder', 'model.json'))).toBe(true);
  await neurofuzz([...TRAIN, '-o', second]);
  expect(digests(second, '.')).toEqual(digests(first, '.'));
  const out = join(folder, 'paths');
  const models = [join(first, 'encoder.onnx'), join(first, 'decoder.onnx')];
  const check = ['check-interpolation', ...models, '--seeds', seeds, '--pairs', '8', '-o', out];
  const { code, stdout } = await neurofuzz([...check, '--json']);
  expect(code).toBe(0);
  const report = JSON.parse(stdout);
  expect(report).toMatchObject({
    formatVersion: 1,
    task: 'any',
    pairs: 8,
    seeds: COUNT,
    strips: join(out, 'worst-paths.png'),
  });
  expect(report.worst).toHaveLength(5);
  expect(report.figures.pixels.smoothness).toBeCloseTo(0, 4);
  expect(report.figures.latent.smoothness).toBeGreaterThan(0);
  expect(readFileSync(join(out, 'worst-paths.png')).subarray(1, 4).toString()).toBe('PNG');
});

test('labels make it conditional, and both commands feed them', async () => {
  const out = join(folder, 'conditional');
  expect((await neurofuzz([...TRAIN, '--labels', labels, '-o', out])).code).toBe(0);
  expect(readJson(out, 'card.json').network.kind).toBe('conditional variational autoencoder');
  const models = [join(out, 'encoder.onnx'), join(out, 'decoder.onnx')];
  const check = ['check-interpolation', ...models, '--seeds', seeds, '--pairs', '4'];
  const { code, stdout } = await neurofuzz([...check, '--labels', labels]);
  expect(code).toBe(0);
  expect(stdout).toContain('mix of reconstructions');
  const bare = await neurofuzz(check);
  expect(bare.code).toBe(2);
  expect(bare.stderr).toContain('the models take the class of each input: set --labels');
});

test('lines are drawn, and their models are checked by the nearest lines', async () => {
  const out = join(folder, 'lines');
  const args = ['--task', 'lines', '--size', '2', '--hidden', '16', '--steps', '3', '-o', out, '--json'];
  const trained = JSON.parse((await neurofuzz(['train-latent', ...args])).stdout).trained;
  expect(trained).toHaveLength(1);
  expect(trained[0].card.data).toMatchObject({ inputs: 10_000, shape: [32, 32, 1] });
  // The second control does not depend on the training.
  expect(trained[0].card.interpolation.pixels.distance).toBeGreaterThan(0.0056);
  expect(trained[0].card.interpolation.pixels.distance).toBeLessThan(0.0084);
});

test.each<[string, string[], string]>([
  ['too few inputs', ['train-latent', '--seeds', '{few}'], 'needs 500 inputs or more, and there are 3'],
  ['no inputs', ['train-latent'], '--seeds: name the inputs to train on'],
  [
    'a critic with classes',
    [...TRAIN, '--labels', labels, '--acai', '-o', '{new}'],
    '--acai is for autoencoders without classes',
  ],
  ['a folder with models', [...TRAIN, '-o', '{full}'], 'holds trained models already'],
  [
    'lines with seeds',
    ['train-latent', '--task', 'lines', '--seeds', seeds, '-o', '{new}'],
    '--task lines draws its inputs',
  ],
  ['a size of 0', [...TRAIN, '--size', '0'], '--size'],
])('%s is refused', async (_what, args, message) => {
  const made: Record<string, () => string> = {
    '{few}': () =>
      writeSeeds(
        folder,
        [
          [1, 2],
          [3, 4],
          [5, 6],
        ],
        'few.npz',
      ),
    '{new}': () => join(folder, 'new'),
    '{full}': () => {
      const path = join(folder, 'first');
      expect(existsSync(join(path, 'card.json'))).toBe(true);
      return path;
    },
  };
  const { code, stderr } = await neurofuzz(args.map((arg) => made[arg]?.() ?? arg));
  expect(stderr).toContain(message);
  expect(code).toBe(2);
});
