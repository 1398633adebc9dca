import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { decodeNpy } from '../../src/tensor/npy.ts';
import { digests, findingFolders, readJson } from '../support/campaign.ts';
import { neurofuzz } from '../support/command.ts';
import { testFolder } from '../support/folder.ts';
import { writeAutoencoder, writeSoftmaxOnnx } from '../support/models.ts';

const folder = testFolder();
const DIGITS = 'corpora/quantized-digits/digits.onnx';
const GENERATOR = 'corpora/latent-digits/decoder.onnx';

let runs = 0;
async function fuzz(model: string, ...args: string[]) {
  const out = join(folder, `out-${runs++}`);
  const ended = await neurofuzz(['fuzz', model, '-o', out, '-s', '1', ...args]);
  return { ...ended, out };
}

test('samples of a generator are the seeds, their classes those that were fed; findings keep the latent vector', async () => {
  const args = [
    '--generator',
    GENERATOR,
    '--latent',
    'normal',
    '--truncation',
    '1',
    '--range=-1,1',
    '-n',
    '1500',
  ];
  const { code, stderr, out } = await fuzz(DIGITS, ...args, '-O', 'misclassified', '--keep', '1');
  expect(stderr).toContain(`seeds: 64 samples of ${GENERATOR}, each of the class that was fed`);
  expect(stderr).not.toContain('outside the range');
  expect(code).toBe(1);
  const [found] = findingFolders(out);
  const { latent, label, mutators } = readJson(found, 'finding.json');
  expect(mutators.every((name: string) => name.startsWith('image:latent'))).toBe(true);
  expect(label).toBeGreaterThanOrEqual(0);
  const { data, shape } = decodeNpy(readFileSync(join(found, 'latent.npy')), 'latent.npy');
  expect(shape).toEqual([12]);
  latent.z.forEach((value: number, i: number) => {
    expect(Number(data[i])).toBeCloseTo(value + latent.delta[i], 5);
  });
  expect(digests(out, 'findings')[`${found.slice(out.length + 1)}/latent.npy`]).toMatch(/^[0-9a-f]{64}$/);
});

test('a generator is fuzzed by itself: normal vectors are the seeds, and blank outputs count', async () => {
  const { code, stderr, out, stdout } = await fuzz(GENERATOR, '--latent', 'normal', '-n', '600');
  expect(stderr).toContain(
    'seeds: 64 normal latent vectors in input latent, with the classes in label in turn',
  );
  expect(code).toBe(0);
  const settings = readFileSync(join(out, 'campaign.yaml'), 'utf8');
  expect(settings).toContain('assert:std(image) > 0.01');
  expect(settings).toContain('label: none');
  expect(stdout).toContain('nothing found');
});

const model = writeSoftmaxOnnx(folder);
const { encoder, decoder } = writeAutoencoder(folder);

test.each<[string, string[], string]>([
  ['a generator of another shape', ['--generator', GENERATOR], 'gives 28×28×1, and the model'],
  ['another mutator', ['--generator', decoder, '-m', 'gaussian'], 'gives inputs without a latent vector'],
  ['an encoder beside it', ['--generator', decoder, '--encoder', encoder], 'leave --encoder out'],
  ['classes without it', ['--classes', '10'], '--classes is for a generator'],
])('%s is refused', async (_what, args, message) => {
  const { code, stderr } = await fuzz(model, ...args, '-n', '10');
  expect(stderr).toContain(message);
  expect(code).toBe(2);
});
