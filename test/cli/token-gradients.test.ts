import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { editDistance } from '../../src/constraints/edit-distance.ts';
import { randomStream } from '../../src/core/random.ts';
import { OnnxBuilder } from '../../src/model/formats/onnx/builder.ts';
import { decodeNpz } from '../../src/tensor/npz.ts';
import { digests, findingFolders, readJson } from '../support/campaign.ts';
import { neurofuzz } from '../support/command.ts';
import { testFolder } from '../support/folder.ts';

const folder = testFolder();

/** Passes of the model that the search counts a gradient as. */
const PRICE = 4;

const [VOCABULARY, WIDTH, LENGTH, CLASSES] = [400, 8, 16, 3];

/** A classifier of bags of tokens with a confidence log(limit − features·u), which no usual text comes near to failing. */
function writeClassifier(): string {
  const random = randomStream('token-classifier');
  const drawn = (size: number): Float32Array =>
    Float32Array.from({ length: size }, () => 2 * random.uniform() - 1);
  const graph = new OnnxBuilder();
  graph.constant('table', 'float32', [VOCABULARY, WIDTH], drawn(VOCABULARY * WIDTH));
  const embedded = graph.node(
    'Gather',
    ['table', graph.input('tokens', 'int64', ['batch', LENGTH])],
    'embedded',
  );
  const features = graph.node('ReduceMean', [embedded], 'features', { axes: [1], keepdims: 0 });
  graph.constant('weights', 'float32', [WIDTH, CLASSES], drawn(WIDTH * CLASSES));
  graph.node('MatMul', [features, 'weights'], 'classes');
  graph.output('classes', 'float32', ['batch', CLASSES]);
  graph.constant('u', 'float32', [WIDTH, 1], drawn(WIDTH));
  graph.constant('limit', 'float32', [], Float32Array.of(1.9));
  const room = graph.node('Sub', ['limit', graph.node('MatMul', [features, 'u'], 'strength')], 'room');
  graph.node('Log', [room], 'confidence');
  graph.output('confidence', 'float32', ['batch', 1]);
  const path = join(folder, 'classifier.onnx');
  writeFileSync(path, graph.finish('classifier'));
  return path;
}

const model = writeClassifier();
const SEEDS = Array.from({ length: 4 }, (_, i) =>
  Array.from({ length: LENGTH }, (_, j) => (31 * i + 7 * j) % VOCABULARY),
);
/** The first token of one seed, and one within another. */
const SPECIAL = [SEEDS[0][0], SEEDS[1][3]];
const seeds = join(folder, 'seeds.json');
writeFileSync(seeds, JSON.stringify(SEEDS));

async function fuzz(name: string, ...args: readonly string[]) {
  const out = join(folder, name);
  const { stderr } = await neurofuzz([
    ...['fuzz', model, '--seeds', seeds, '--objective', 'nonfinite', '--seed', '3', '--out', out],
    ...args,
  ]);
  return { out, stderr, stats: readJson(out, 'stats.json') };
}

test('a planted fault of a classifier of tokens takes gradients a part of the passes that mutation takes, the same on two workers', async () => {
  const search = ['--execs', '6000', '--until-finding'];
  const one = await fuzz('one', ...search);
  expect(findingFolders(one.out)).toHaveLength(1);
  expect(one.stats.gradients).toBeGreaterThan(0);
  const two = await fuzz('two', ...search, '--jobs', '2');
  expect(digests(two.out, 'corpus', 'findings')).toEqual(digests(one.out, 'corpus', 'findings'));
  const without = await fuzz('without', ...search, '--gradients', 'off');
  expect(without.stats.gradients).toBe(0);
  expect(3 * one.stats.execs).toBeLessThan(without.stats.execs);
  expect(one.stats.execs + PRICE * one.stats.gradients).toBeLessThan(without.stats.execs);
});

test('edits stay within their limit, and special tokens in place', async () => {
  const config = join(folder, 'limited.yaml');
  writeFileSync(config, JSON.stringify({ tokens: { tokens: { special: SPECIAL } } }));
  const { out, stats } = await fuzz('limited', '--config', config, '--execs', '3000', '--edits', '3');
  expect(stats.gradients).toBeGreaterThan(0);
  const ancestors = new Map<string, number[]>();
  const lines = readFileSync(join(out, 'corpus', 'journal.jsonl'), 'utf8')
    .trim()
    .split('\n');
  let mutants = 0;
  for (const { id, parent, mutators = [] } of lines.map((line) => JSON.parse(line))) {
    const tokens = decodeNpz(readFileSync(join(out, 'corpus', `${id}.npz`)), id).get('tokens');
    const ids = Array.from((tokens?.data ?? []) as BigInt64Array, Number);
    const ancestor = parent === null ? ids : (ancestors.get(parent) ?? []);
    ancestors.set(id, ancestor);
    expect(editDistance(ids, ancestor)).toBeLessThanOrEqual(3);
    ancestor.forEach((token, i) => {
      if (SPECIAL.includes(token)) expect(ids[i]).toBe(token);
    });
    if (mutators.includes('tokens:hotflip')) mutants++;
  }
  expect(mutants).toBeGreaterThan(0);
});
