import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from '@jest/globals';
import { drawNormal, randomStream } from '../../src/core/random.ts';
import { OnnxBuilder } from '../../src/model/formats/onnx/builder.ts';
import { encodeNpz } from '../../src/tensor/npz.ts';
import { neurofuzz } from '../support/command.ts';
import { testFolder } from '../support/folder.ts';

const folder = testFolder();
const SIZES = [12, 10, 8, 4];

/** A network of three layers whose weights are drawn, each times a factor. Returns its path. */
function writeNetwork(name: string, factors: readonly number[]): string {
  const random = randomStream('a network to normalise');
  const graph = new OnnxBuilder();
  let last = graph.input('x', 'float32', ['batch', SIZES[0]]);
  factors.forEach((factor, i) => {
    const [rows, columns] = [SIZES[i], SIZES[i + 1]];
    const values = Float32Array.from({ length: rows * columns }, () => factor * drawNormal(random));
    const weights = graph.constant(`weights_${i}`, 'float32', [rows, columns], values);
    const product = graph.node('MatMul', [last, weights], i === 2 ? 'logits' : `product_${i}`);
    last = i === 2 ? product : graph.node('Relu', [product], `relu_${i}`);
  });
  graph.output('logits', 'float32', ['batch', 4]);
  const path = join(folder, `${name}.onnx`);
  writeFileSync(path, graph.finish('network'));
  return path;
}

interface Report {
  readonly layers: readonly { readonly weight: string; readonly sigma: number }[];
  readonly off: readonly string[];
  readonly gain: { readonly bound: number };
  readonly seen: { readonly ratio: number; readonly pairs: number; readonly of: object } | null;
}

async function spectral(path: string, ...more: string[]): Promise<{ code: number | null; json: Report }> {
  const { code, stdout } = await neurofuzz(['inspect', path, '--spectral', '--json', ...more]);
  return { code, json: JSON.parse(stdout) };
}

let sigmas: readonly number[];
let plain: string;

beforeAll(async () => {
  plain = writeNetwork('plain', [1, 1, 1]);
  const { json } = await spectral(plain);
  sigmas = json.layers.map(({ sigma }) => sigma);
});

test('a network divided by its σ passes --expect 1, and one layer times 1.05 fails it by name', async () => {
  expect((await spectral(plain, '--expect', '1')).code).toBe(1);
  const divided = writeNetwork(
    'divided',
    sigmas.map((sigma) => 1 / sigma),
  );
  const passed = await spectral(divided, '--expect', '1');
  expect(passed.json.off).toEqual([]);
  expect(passed.code).toBe(0);
  expect(passed.json.gain.bound).toBeCloseTo(1, 1);
  const spoilt = writeNetwork(
    'spoilt',
    sigmas.map((sigma, i) => (i === 1 ? 1.05 : 1) / sigma),
  );
  const { code, stdout } = await neurofuzz(['inspect', spoilt, '--spectral', '--expect', '1']);
  expect(stdout).toContain('σ is not within 2 % of 1: weights_1\n');
  expect(code).toBe(1);
});

test('pairs of seeds give a lower bound beside the upper one, with the same bytes each time', async () => {
  const seeds = ['--seeds', 'corpora/six-seven/seeds.npz'];
  const runs = await Promise.all(
    [1, 2].map(() =>
      neurofuzz(['inspect', 'corpora/six-seven/undefended.onnx', '--spectral', '--json', ...seeds]),
    ),
  );
  expect(runs[0].stdout).toBe(runs[1].stdout);
  const { gain, seen }: Report = JSON.parse(runs[0].stdout);
  expect(seen?.pairs).toBe(1024);
  expect(seen?.ratio).toBeGreaterThan(1);
  expect(seen?.ratio).toBeLessThanOrEqual(gain.bound);
});

test('findings of a campaign are compared with their seeds', async () => {
  const seeds = join(folder, 'seeds.npz');
  const random = randomStream('seeds of a network');
  const data = Float32Array.from({ length: 8 * 12 }, () => random.uniform());
  writeFileSync(seeds, encodeNpz([['x', { type: 'float32', shape: [8, 12], data }]]));
  const out = join(folder, 'campaign');
  const fuzzed = await neurofuzz([
    ...['fuzz', plain, '-i', seeds, '-O', 'assert:max(abs(logits)) < 40', '--range=-2,2', '-s', '1'],
    ...['-n', '600', '-o', out, '--quiet'],
  ]);
  expect(fuzzed.code).toBe(1);
  const { json } = await spectral(plain, '--findings', out);
  expect(json.seen?.of).toEqual({ finding: expect.stringMatching(/^[0-9a-f]{16}$/) });
  expect(json.seen?.pairs).toBeGreaterThan(0);
  expect(json.seen?.ratio).toBeLessThanOrEqual(json.gain.bound);
  const { code, stderr } = await neurofuzz(['inspect', plain, '--spectral', '--findings', folder]);
  expect(code).toBe(2);
  expect(stderr).toContain('is not the folder of a campaign');
});

test('compare --spectral says how far each weight of a quantized copy is off, the farthest first', async () => {
  const home = 'corpora/quantized-digits';
  const { code, stdout } = await neurofuzz([
    ...['compare', `${home}/digits.onnx`, `${home}/digits-int8.onnx`, '--spectral', '--json'],
  ]);
  expect(code).toBe(0);
  const { weights, unmatched } = JSON.parse(stdout);
  expect(weights).toHaveLength(3);
  expect(unmatched).toEqual([]);
  const ratios: number[] = weights.map(({ ratio }: { readonly ratio: number }) => ratio);
  expect(ratios).toEqual([...ratios].sort((a, b) => b - a));
  // Rounding to 1 of 255 steps moves a weight by at most half a step, and a matrix by less than 2 % of its σ.
  for (const ratio of ratios) expect(ratio).toBeGreaterThan(1e-4);
  for (const ratio of ratios) expect(ratio).toBeLessThan(0.02);
});

test('a layer that is scaled differs by that share of its σ', async () => {
  const scaled = writeNetwork('scaled', [1, 1.25, 1]);
  const { stdout } = await neurofuzz(['compare', plain, scaled, '--spectral', '--json']);
  const { weights } = JSON.parse(stdout);
  expect(weights[0]).toMatchObject({ weight: 'weights_1', ratio: expect.closeTo(0.25, 3) });
  expect(weights.slice(1).map(({ ratio }: { readonly ratio: number }) => ratio)).toEqual([0, 0]);
});

test.each([
  [['--spectral', '--expect', 'x'], '--expect must be a number above 0'],
  [['--expect', '1'], 'add --spectral'],
])('inspect %j is refused', async (flags, message) => {
  const { code, stderr } = await neurofuzz(['inspect', plain, ...flags]);
  expect(stderr).toContain(message);
  expect(code).toBe(2);
});

test('--expect without weights that can be read is refused', async () => {
  const { code, stderr } = await neurofuzz([
    ...['inspect', 'test/fixtures/sklearn/forest.onnx', '--spectral', '--expect', '1'],
  ]);
  expect(stderr).toContain('has no constant weights that can be read');
  expect(code).toBe(2);
});
