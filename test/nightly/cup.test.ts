import { copyFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { readNightlyFile } from '../../src/config/nightly.ts';
import { randomStream } from '../../src/core/random.ts';
import { OnnxBuilder } from '../../src/model/formats/onnx/builder.ts';
import { cupText, isWeakerThan } from '../../src/nightly/cup-result.ts';
import { neurofuzz } from '../support/command.ts';
import { testFolder } from '../support/folder.ts';
import { WEIGHTS, writeSeeds, writeSoftmaxOnnx } from '../support/models.ts';

const folder = testFolder();
const ROWS = Array.from({ length: 200 }, (_, i) => {
  const random = randomStream('rows', i);
  return [0, 1, 2, 3].map(() => random.uniform());
});
const FILE = `
time: 1m
out: nights
minimize: 0
campaigns:
  model:
    model: candidate.onnx
    seeds: seeds.npz
    range: [0, 1]
    execs: 64
    jobs: 1
    seed: '1'
cup:
  model: candidate.onnx
  release: release.onnx
  seeds: seeds.npz
  labels: labels.txt
  range: [0, 1]
  mutator: [gaussian:sigma=0.1, 'gaussian:sigma=0.3']
  games: 100
  jobs: 1
  seed: '1'
`;

/** The small network with its weights in the opposite order. */
function writeWeakOnnx(name: string): void {
  const graph = new OnnxBuilder();
  const weights = Float32Array.from(WEIGHTS, (_, i) => WEIGHTS[11 - i]);
  const w = graph.constant('w', 'float32', [4, 3], weights);
  graph.node('MatMul', [graph.input('x', 'float32', ['batch', 4]), w], 'logits');
  graph.output('logits', 'float32', ['batch', 3]);
  writeFileSync(join(folder, name), graph.finish('weak'));
}

function prepare(): string {
  writeSoftmaxOnnx(folder, 'release.onnx');
  writeSeeds(folder, ROWS);
  const classOf = (row: readonly number[]): number => {
    const logits = [0, 1, 2].map((k) => row.reduce((sum, value, j) => sum + value * WEIGHTS[3 * j + k], 0));
    return logits.indexOf(Math.max(...logits));
  };
  writeFileSync(join(folder, 'labels.txt'), ROWS.map((row) => `${classOf(row)}\n`).join(''));
  const file = join(folder, 'nightly.yaml');
  writeFileSync(file, FILE);
  return file;
}

test('a night ends with 1 where its model is weaker than the release, and later models join', async () => {
  const file = prepare();
  const night = async () => {
    const { code, stdout } = await neurofuzz(['nightly', file, '--json', '--log-level', 'error']);
    return { code, result: JSON.parse(stdout) };
  };
  copyFileSync(join(folder, 'release.onnx'), join(folder, 'candidate.onnx'));
  const equal = await night();
  expect(equal.result.failures).toEqual([]);
  expect(equal.code).toBe(0);
  expect(equal.result.cup).toMatchObject({ isWeaker: false, isUnknown: false });
  expect(equal.result.cup.model.rating).toBe(equal.result.cup.release.rating);

  writeWeakOnnx('candidate.onnx');
  const weak = await night();
  expect(weak.result.failures).toEqual([]);
  expect(weak.result.cup.model.high).toBeLessThan(weak.result.cup.release.low);
  expect(weak.result.cup.isWeaker).toBe(true);
  expect(weak.code).toBe(1);
  const cup = join(folder, 'nights', 'cup');
  // The release, the first candidate, which is the same, and the weak one.
  expect(readdirSync(join(cup, 'models'))).toHaveLength(3);
  expect(readFileSync(join(cup, 'tournament.html'), 'utf8')).toContain('<h2>Pairs</h2>');
  expect(readFileSync(join(folder, 'nights', 'report.html'), 'utf8')).toContain('weaker than the release');
  const players = readFileSync(join(cup, 'games.jsonl'), 'utf8').match(/"plays":"model"/g);
  expect(players).toHaveLength(3);
});

test('a line says how the two compare', () => {
  const rating = (name: string, low: number) => ({
    ...{ name, rating: low + 10, low, high: low + 30, rank: 1, isByPrior: false },
    winRate: { mean: 0.5, low: 0.4, high: 0.6 },
  });
  const result = { folder, model: rating('new', 1400), release: rating('old', 1500), isUnknown: false };
  expect(cupText({ ...result, isWeaker: true })).toBe(
    'cup: new 1410 (1400–1430), release old 1510 (1500–1530): weaker than the release',
  );
  expect(cupText({ ...result, isWeaker: false })).toMatch(/: not shown to be weaker/);
  expect(cupText({ ...result, isUnknown: true, isWeaker: false })).toMatch(/too few common opponents/);
});

test('where a model wins every game or none, win rates are compared, and no rating that the prior sets', () => {
  const rated = (mean: number, low: number, isByPrior: boolean) => ({
    ...{ name: 'm', rating: low + 10, low, high: low + 30, rank: 1, isByPrior },
    winRate: { mean, low: Math.max(0, mean - 0.05), high: Math.min(1, mean + 0.05) },
  });
  const release = rated(1, 2400, true);
  expect(isWeakerThan(rated(0.99, 1900, false), release)).toBe(false);
  expect(isWeakerThan(rated(0, 600, true), release)).toBe(true);
  expect(isWeakerThan(rated(0.99, 1900, false), rated(0.99, 2400, false))).toBe(true);
  const text = cupText({
    ...{ folder: 'cup', model: rated(0, 600, true), release, isUnknown: false, isWeaker: true },
  });
  expect(text).toBe(
    'cup: m win rate 0.000 (0.000–0.050), release m win rate 1.000 (0.950–1.000): weaker than the release',
  );
});

test.each([
  ['  games: 100', '  games: 5', /cup\.games must be 20 or more/],
  ['  release: release.onnx\n', '', /cup\.release/],
  ['  labels: labels.txt', '  lables: labels.txt', /cup: unknown setting lables: did you mean labels/],
  ['  labels: labels.txt', '  out: x', /cup: out is not allowed in a nightly file/],
])('refuses %j as %j', async (from, to, message) => {
  prepare();
  const file = join(folder, 'wrong.yaml');
  writeFileSync(file, FILE.replace(from, to));
  await expect(readNightlyFile(file)).rejects.toThrow(message);
});
