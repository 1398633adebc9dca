import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { OnnxBuilder } from '../../src/model/formats/onnx/builder.ts';
import { decodeNpz } from '../../src/tensor/npz.ts';
import { digests, findingFolders, readJson } from '../support/campaign.ts';
import { neurofuzz } from '../support/command.ts';
import { testFolder } from '../support/folder.ts';
import {
  PLANE,
  WEIGHTS,
  writeAutoencoder,
  writeLogOnnx,
  writeSeeds,
  writeSoftmaxOnnx,
} from '../support/models.ts';

const folder = testFolder();
const model = writeSoftmaxOnnx(folder);
const { encoder, decoder } = writeAutoencoder(folder);
const CODES = Array.from({ length: 12 }, (_, i) => [Math.cos(i), Math.sin(2 * i)]);
const ROWS = CODES.map(([a, b]) => [0, 1, 2, 3].map((j) => a * PLANE[2 * j] + b * PLANE[2 * j + 1]));
const seeds = writeSeeds(folder, ROWS);
const labels = join(folder, 'labels.txt');
writeFileSync(labels, ROWS.map((row) => `${classOf(row)}\n`).join(''));

const LATENT = ['--encoder', encoder, '--decoder', decoder, '--range=-2,2'];

/** The class that the small network predicts. */
function classOf(row: readonly number[]): number {
  const logits = [0, 1, 2].map((k) => row.reduce((sum, value, j) => sum + value * WEIGHTS[3 * j + k], 0));
  return logits.indexOf(Math.max(...logits));
}

/** A classifier that says class 1 whatever it sees. */
function writeFixedJudge(path: string): void {
  const graph = new OnnxBuilder();
  const x = graph.input('x', 'float32', ['batch', 4]);
  graph.node('MatMul', [x, graph.constant('w', 'float32', [4, 3], new Float32Array(12))], 'zeros');
  graph.node('Add', ['zeros', graph.constant('b', 'float32', [3], Float32Array.of(0, 9, 0))], 'logits');
  graph.output('logits', 'float32', ['batch', 3]);
  writeFileSync(path, graph.finish('fixed'));
}

let runs = 0;
async function fuzz(...args: string[]) {
  const out = join(folder, `out-${runs++}`);
  const ended = await neurofuzz(['fuzz', model, '-i', seeds, '-o', out, '-s', '1', ...args]);
  return { ...ended, out };
}

test('moves in latent space find wrong classes, and the family tree records them; 1 and 4 workers give the same bytes', async () => {
  const args = [
    ...LATENT,
    '--labels',
    labels,
    '-O',
    'misclassified',
    '-m',
    'latent',
    'latent-interpolate',
    '-n',
    '3000',
  ];
  const one = await fuzz(...args);
  expect(one.code).toBe(1);
  expect(one.stderr).toContain('latent space: 2 values of input x');
  const [found] = findingFolders(one.out);
  const { latent, mutators, ancestor } = readJson(found, 'finding.json');
  expect(mutators.every((name: string) => name.startsWith('x:latent'))).toBe(true);
  expect(latent.z).toHaveLength(2);
  expect(latent.delta).toHaveLength(2);
  const lines = readFileSync(join(one.out, 'corpus', 'journal.jsonl'), 'utf8')
    .trim()
    .split('\n');
  const records = lines.map((line) => JSON.parse(line));
  expect(records.filter((record) => record.latent !== undefined).length).toBeGreaterThan(5);
  const seed = records.find(({ id }) => id === ancestor);
  expect(seed).toBeDefined();
  // Mutants of seeds in the plane stay in it: residual 1 adds what the decoder adds.
  const [[, { data }]] = decodeNpz(readFileSync(join(found, 'input.npz')), 'input.npz');
  const x = Array.from(data as Float32Array);
  const z = [0, 1].map((k) => x.reduce((sum, value, j) => sum + value * PLANE[2 * j + k], 0));
  x.forEach((value, j) => expect(value).toBeCloseTo(z[0] * PLANE[2 * j] + z[1] * PLANE[2 * j + 1], 4));
  const expected = digests(one.out, 'corpus', 'findings');
  const four = await fuzz(...args, '-j', '4');
  expect(digests(four.out, 'corpus', 'findings')).toEqual(expected);
  // A campaign that stops in the middle continues with the vectors that its journal has.
  const part = await fuzz(...args.slice(0, -1), '1500');
  await neurofuzz(['fuzz', '--resume', '-o', part.out, '-n', '3000']);
  expect(digests(part.out, 'corpus', 'findings')).toEqual(expected);
});

test('10,000 mutants obey the range and the constraint', async () => {
  const { code, out, stdout } = await fuzz(
    ...[
      ...LATENT.slice(0, 4),
      '--range=-0.9,0.9',
      '--linf',
      '0.2',
      '-m',
      'latent:residual=0.5',
      'latent-interpolate:beyond=1,curve=slerp',
      'gaussian',
    ],
    ...['-O', 'assert:max(abs(x)) <= 0.9', '-n', '10000', '--json'],
  );
  // The seeds beyond the range are clipped by no mutator, and mutants of all are.
  expect(JSON.parse(stdout).execs).toBe(10_000);
  expect(code).toBe(0);
  const lines = readFileSync(join(out, 'corpus', 'journal.jsonl'), 'utf8')
    .trim()
    .split('\n');
  expect(lines.length).toBeGreaterThan(12);
});

test('judges tell wrong answers apart whose inputs they find clear; others are no faults', async () => {
  const args = [...LATENT, '--labels', labels, '-O', 'misclassified', '-m', 'latent', '-n', '1000'];
  // The model as its own judge never finds its wrong answers clear; one that always says class 1 finds those to seeds of class 1 clear.
  const twin = writeSoftmaxOnnx(folder, 'twin.onnx');
  const fixed = join(folder, 'fixed.onnx');
  writeFixedJudge(fixed);
  const both = await fuzz(...args, '--judge', fixed, twin);
  expect(both.code).toBe(0);
  expect(both.stdout).toContain("not a fault, since the judges do not agree on the seed's class");
  expect(both.stdout).toContain("not a fault, since no judge is sure of the seed's class");
  const disputed = findingFolders(both.out).find((path) => path.includes('misclassified-disputed'));
  const { judges, reproduced } = readJson(disputed ?? '', 'finding.json');
  expect(reproduced).toBe('10/10');
  expect(judges).toEqual([
    { model: fixed, class: 1, share: expect.any(Number), isSure: true },
    { model: twin, class: expect.any(Number), share: expect.any(Number), isSure: false },
  ]);
  const clear = await fuzz(...args, '--judge', fixed);
  expect(clear.code).toBe(1);
  const found = findingFolders(clear.out).find((path) => path.includes('misclassified-probabilities')) ?? '';
  expect((await neurofuzz(['replay', found])).stdout).toContain('still broken');
});

test.each<[string, string[], string]>([
  [
    'an encoder alone',
    ['--encoder', encoder, '-m', 'latent'],
    '--encoder: name the decoder that was trained with it',
  ],
  [
    'no mutator that uses them',
    [...LATENT, '-m', 'gaussian'],
    'are for the mutators latent and latent-interpolate',
  ],
  [
    'a decoder worse than the mean',
    ['--encoder', encoder, '--decoder', '{off}', '-m', 'latent:residual=0'],
    'and the mean of all seeds would have',
  ],
  [
    'a judge of other classes',
    [...LATENT, '-m', 'latent', '--labels', labels, '-O', 'misclassified', '--judge', '{log}'],
    'knows 4 classes, and the model 3',
  ],
])('%s is refused', async (_what, args, message) => {
  const made: Record<string, () => string> = {
    '{off}': () => writeAutoencoder(folder, { bias: 9, prefix: 'off-' }).decoder,
    '{log}': () => writeLogOnnx(folder),
  };
  const { code, stderr } = await fuzz(...args.map((arg) => made[arg]?.() ?? arg), '-n', '10');
  expect(stderr).toContain(message);
  expect(code).toBe(2);
});

test('a bad decoder is warned of where the seed keeps its detail', async () => {
  const { decoder: off } = writeAutoencoder(folder, { bias: 9, prefix: 'off-' });
  const { stderr, code } = await fuzz(
    '--encoder',
    encoder,
    '--decoder',
    off,
    '-m',
    'latent',
    '-n',
    '100',
    '--range=-2,2',
  );
  expect(stderr).toContain('moves in its latent space may mean little');
  expect(code).toBe(0);
});
