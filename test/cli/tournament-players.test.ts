import { copyFileSync, existsSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { OnnxBuilder } from '../../src/model/formats/onnx/builder.ts';
import { neurofuzz } from '../support/command.ts';
import { testFolder } from '../support/folder.ts';
import { WEIGHTS, writeSeeds, writeSoftmaxOnnx } from '../support/models.ts';

const folder = testFolder();
const ROWS = Array.from({ length: 30 }, (_, i) => [0, 1, 2, 3].map((j) => ((7 * i + 3 * j) % 11) / 11));
const seeds = writeSeeds(folder, ROWS);
const labels = join(folder, 'labels.txt');
writeFileSync(labels, ROWS.map((_, i) => `${i % 3}\n`).join(''));
const ON_SEEDS = ['--seeds', seeds, '--labels', labels, '--range=0,1'];
const SMALL = ['--games', '20', '-s', '1', '-j', '1'];
const SIGMAS = ['--mutator', 'gaussian:sigma=0.1', 'gaussian:sigma=0.5'];
const GAN = 'corpora/gan-digits';
const GENERATORS = ['--generators', join(GAN, 'generator-10.onnx'), join(GAN, 'generator-2400.onnx')];
const REAL = ['--real', join(GAN, 'real.npz')];
let runs = 0;

function writeNet(name: string, width = 3, shift = 0): string {
  const graph = new OnnxBuilder();
  const weights = Float32Array.from({ length: 4 * width }, (_, i) => WEIGHTS[(i + shift) % 12]);
  const w = graph.constant('w', 'float32', [4, width], weights);
  graph.node('MatMul', [graph.input('x', 'float32', ['batch', 4]), w], 'logits');
  graph.output('logits', 'float32', ['batch', width]);
  const path = join(folder, name);
  writeFileSync(path, graph.finish('net'));
  return path;
}

/** A discriminator that calls everything fake. */
function writeStrict(name: string): string {
  const graph = new OnnxBuilder();
  const shape = graph.constant('shape', 'int64', [2], BigInt64Array.of(-1n, 64n));
  const pixels = graph.node('Reshape', [graph.input('x', 'float32', ['batch', 8, 8, 1]), shape], 'pixels');
  const none = graph.constant('none', 'float32', [64, 1], new Float32Array(64));
  const low = graph.constant('low', 'float32', [1], Float32Array.of(-3));
  graph.node('Sigmoid', [graph.node('Gemm', [pixels, none, low], 'sum')], 'share');
  graph.output('share', 'float32', ['batch', 1]);
  const path = join(folder, name);
  writeFileSync(path, graph.finish('strict'));
  return path;
}

const one = writeSoftmaxOnnx(folder, 'one.onnx');
const two = writeNet('two.onnx', 3, 5);

async function tournament(args: readonly string[], out = join(folder, `cup-${runs++}`)) {
  const { code, stdout, stderr } = await neurofuzz(['tournament', ...args, '-o', out, '--json', '--quiet']);
  return { code, stderr, out, report: stdout === '' ? undefined : JSON.parse(stdout) };
}

const readGames = (out: string): string => readFileSync(join(out, 'games.jsonl'), 'utf8');

function expectRefusal(
  { code, stderr }: { readonly code: number | null; readonly stderr: string },
  message: RegExp,
) {
  expect(stderr).toMatch(message);
  expect(stderr.trim().split('\n')).toHaveLength(1);
  expect(code).toBe(2);
}

test('a model that is named again must be the file that played, also where all games are played', async () => {
  const changing = join(folder, 'changing.onnx');
  copyFileSync(two, changing);
  const { out } = await tournament([one, changing, ...ON_SEEDS, ...SIGMAS, ...SMALL]);
  const before = readGames(out);
  expect((await tournament(['--resume', changing], out)).code).toBe(0);
  writeNet('changing.onnx', 3, 7);
  expectRefusal(
    await tournament(['--resume', changing, '-j', '1'], out),
    /changing\.onnx has changed since it played; .*another path, or start over/,
  );
  expect(readGames(out)).toBe(before);
});

test('a model of the name of a mutator gets another, and the games are the same killed and resumed', async () => {
  const named = join(folder, 'block.onnx');
  copyFileSync(two, named);
  const args = [one, named, ...ON_SEEDS, '--mutator', 'block', 'gaussian', '--opponents', 'models', ...SMALL];
  const { code, stderr, out, report } = await tournament(args);
  expect([code, stderr]).toEqual([0, '']);
  expect(report.players.map(({ name }: { name: string }) => name).sort()).toEqual(['block (2)', 'one']);
  const games = readGames(out);
  const begun = games.split('\n').slice(0, 5).join('\n');
  truncateSync(join(out, 'games.jsonl'), Buffer.byteLength(begun) + 1);
  expect((await tournament(['--resume', '-j', '1'], out)).code).toBe(0);
  expect(readGames(out)).toBe(games);
});

test('models that never differ share a rank where they play each other', async () => {
  const copy = join(folder, 'copy.onnx');
  copyFileSync(one, copy);
  const { report } = await tournament([one, copy, ...ON_SEEDS, ...SIGMAS, '--opponents', 'models', ...SMALL]);
  expect(report.bridges).toEqual([]);
  expect(
    report.players.map(({ bradleyTerry }: { bradleyTerry: { rank: number } }) => bradleyTerry.rank),
  ).toEqual([1, 1]);
});

test.each([
  ['--seeds', seeds],
  ['--labels', labels],
  ['--mutator', 'gaussian'],
])('generators refuse %s, and leave no folder', async (flag, value) => {
  const sides = [
    ...GENERATORS,
    '--discriminators',
    join(GAN, 'discriminator-60.onnx'),
    join(GAN, 'discriminator-1600.onnx'),
  ];
  const refused = await tournament([...sides, flag, value, ...SMALL]);
  expectRefusal(refused, new RegExp(`${flag} is for models that play mutators`));
  expect(existsSync(refused.out)).toBe(false);
});

test('fewer than two discriminators that are rated are refused, and leave no folder', async () => {
  const judges = ['--discriminators', writeStrict('strict.onnx'), join(GAN, 'discriminator-1600.onnx')];
  const refused = await tournament([...GENERATORS, ...judges, ...REAL, ...SMALL]);
  expectRefusal(
    refused,
    /fewer than two discriminators are left to play: strict calls the real examples fake/,
  );
  expect(existsSync(refused.out)).toBe(false);
});

test('a model to agree with must know the same classes, and an assertion is read as --win', async () => {
  const five = writeNet('five.onnx', 5);
  const args = [one, two, ...ON_SEEDS, ...SIGMAS, ...SMALL];
  expectRefusal(
    await tournament([...args, '--win', `agrees=${five}`]),
    /five\.onnx knows 5 classes and .*\.onnx 3/,
  );
  expectRefusal(await tournament([...args, '--win', 'assert:nope(']), /--win: /);
});

test('ranks are named after their rating where another one sorts the list', async () => {
  const out = join(folder, 'sorted');
  const args = [one, two, ...ON_SEEDS, ...SIGMAS, ...SMALL, '--rating', 'win-rate', '-o', out];
  const { stdout } = await neurofuzz(['tournament', ...args]);
  expect(stdout).toMatch(/\n {2}Bradley–Terry rank +model +Bradley–Terry +95 %/);
});
