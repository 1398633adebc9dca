import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { OnnxBuilder } from '../../src/model/formats/onnx/builder.ts';
import { decodeNpz } from '../../src/tensor/npz.ts';
import { neurofuzz } from '../support/command.ts';
import { testFolder } from '../support/folder.ts';
import { writeScoreOnnx, writeSeeds, writeSoftmaxOnnx, writeSoftmaxTfjs } from '../support/models.ts';
import { CLASSES, SIDE, writeConvolutionOnnx, writeDenseOnnx, writePictures } from '../support/saliency.ts';

const folder = testFolder();
const model = writeConvolutionOnnx(folder);
const seeds = writePictures(folder, 10);
const ROWS = Array.from({ length: 8 }, (_, i) => [0, 1, 2, 3].map((j) => ((7 * i + 5 * j) % 20) / 20));
const numbers = writeSeeds(folder, ROWS);

interface Row {
  readonly name: string;
  readonly verdict: string;
  readonly ceiling: Readonly<
    Record<string, { readonly mean: number; readonly min: number; readonly sd: number }>
  >;
  readonly steps: readonly Readonly<Record<string, { readonly mean: number; readonly min: number }>>[];
}

async function check(args: readonly string[]) {
  const jobs = args.includes('-j') ? [] : ['-j', '1'];
  const { code, stdout, stderr } = await neurofuzz(['saliency-check', ...args, ...jobs, '-s', '1', '--json']);
  const report = stdout === '' ? undefined : JSON.parse(stdout);
  const row = (name: string): Row => report.methods.find((method: Row) => method.name === name);
  return { code, stdout, stderr, report, row };
}

const SEEN = [model, '-i', seeds, '--range=0,1', '--inputs', '6'];
const PICTURES = [...SEEN, '--repeats', '2'];

test('the untouched model gives exactly 1, edges do so whatever the model, and the same on any number of workers', async () => {
  const { code, report, row, stdout } = await check([...PICTURES, '-j', '1']);
  expect(code).toBe(0);
  expect(report).toMatchObject({
    formatVersion: 1,
    inputs: 6,
    scores: 'logits',
    class: null,
    order: 'cascade',
    randomise: 'permute',
    repeats: 2,
    judgedAfter: 2,
    isLabelled: false,
    accuracy: 1,
  });
  expect(report.layers).toHaveLength(3);
  for (const { name, ceiling, steps } of report.methods as Row[]) {
    expect(steps).toHaveLength(3);
    if (name === 'smoothgrad') {
      expect(ceiling.signed.mean).toBeLessThan(1);
      expect(ceiling.signed.mean).toBeGreaterThan(0.5);
    } else
      for (const metric of ['signed', 'abs', 'ssim'])
        expect(ceiling[metric]).toEqual({ mean: 1, sd: 0, min: 1 });
  }
  for (const step of row('edges').steps) expect(step.signed).toMatchObject({ mean: 1, min: 1 });
  expect(row('edges').verdict).toBe('depends on the picture');
  expect(row('gradient').steps[2].signed.mean).toBeLessThan(0.5);
  const double = await check([...PICTURES, '-j', '2']);
  expect(double.stdout).toBe(stdout);
});

test('a method that is named and draws the picture: exit 1, and a table with its verdict', async () => {
  const out = join(folder, 'sheets');
  const page = join(folder, 'check.html');
  const args = [
    ...PICTURES,
    '--method',
    'edges',
    'gradient',
    '-s',
    '1',
    '-j',
    '1',
    '--out',
    out,
    '--html',
    page,
  ];
  const { code, stdout } = await neurofuzz(['saliency-check', ...args]);
  expect(code).toBe(1);
  expect(stdout).toMatch(/edges +1\.00 ████ .*depends on the picture/);
  expect(stdout).toContain('agreement');
  const html = readFileSync(page, 'utf8');
  // Two methods, each with the model itself and three steps, and the pictures of three inputs.
  expect(html.match(/<img /g)).toHaveLength(3 * (2 * 4 + 1));
  expect(html).toContain('depends on the picture');
  const [npz] = readdirSync(out).filter((name) => name.endsWith('.npz'));
  const arrays = new Map(decodeNpz(readFileSync(join(out, npz)), npz));
  // The model itself, and a step for each of three layers.
  expect(arrays.get('gradient')?.shape).toEqual([4, SIDE, SIDE]);
  expect(readdirSync(out)).toContain(npz.replace('.npz', '.png'));
  const { code: alone } = await check([
    ...PICTURES,
    '--method',
    'gradient',
    '--metric',
    'abs',
    '--most',
    '1',
  ]);
  expect(alone).toBe(0);
});

test.each(['independent', 'bottom-up'])(
  'order %s, some layers, normal draws, a class and labels',
  async (order) => {
    const labels = join(folder, 'labels.txt');
    writeFileSync(labels, Array.from({ length: 10 }, (_, i) => `${i % CLASSES}\n`).join(''));
    const settings = [
      '--order',
      order,
      '--layers',
      'logits',
      'conv',
      '--randomise',
      'normal',
      '--class',
      '2',
    ];
    const { code, report } = await check([
      ...PICTURES,
      ...settings,
      '--labels',
      labels,
      '--method',
      'gradient',
    ]);
    expect(code).toBe(0);
    expect(report).toMatchObject({ order, randomise: 'normal', class: 2, isLabelled: true });
    const names = report.layers.map(({ name }: { name: string }) => name);
    expect(names).toEqual(order === 'bottom-up' ? ['conv', 'logits'] : ['logits', 'conv']);
  },
);

test('another model in place of copies: itself, which no map tells apart', async () => {
  const { code, report, row } = await check([
    ...SEEN,
    '--against',
    model,
    '--method',
    'gradient',
    'occlusion',
  ]);
  expect(code).toBe(1);
  expect(report).toMatchObject({ against: model, order: null, layers: [{ name: model, accuracy: 1 }] });
  expect(row('occlusion').steps).toEqual([row('occlusion').ceiling]);
  expect(row('gradient').steps[0].signed.mean).toBe(1);
});

test.each([
  ['ONNX', writeSoftmaxOnnx(folder), []],
  ['TensorFlow.js', writeSoftmaxTfjs(folder), ['--runtime', 'cpu']],
])('numbers in %s: no SSIM, and a linear score has the gradient of its weights', async (_, path, runtime) => {
  const { code, report, row } = await check([
    path,
    '-i',
    numbers,
    '--range=0,1',
    '--repeats',
    '1',
    '-j',
    '1',
    ...runtime,
  ]);
  expect(code).toBe(0);
  expect(report.scores).toBe('logits');
  expect(row('gradient').ceiling).toEqual({
    signed: { mean: 1, sd: 0, min: 1 },
    abs: { mean: 1, sd: 0, min: 1 },
    ssim: null,
  });
  expect(report.methods.map(({ name }: Row) => name)).toContain('integrated-gradients');
});

test('a staircase: methods by gradients are left out, or refused where they are named', async () => {
  const graph = new OnnxBuilder();
  const x = graph.input('x', 'float32', ['batch', 4]);
  graph.node(
    'Floor',
    [graph.node('Mul', [x, graph.constant('ten', 'float32', [], Float32Array.of(10))], 'scaled')],
    'steps',
  );
  graph.node(
    'MatMul',
    [
      'steps',
      graph.constant(
        'w',
        'float32',
        [4, 3],
        Float32Array.from({ length: 12 }, (_, i) => (i % 5) - 2),
      ),
    ],
    'logits',
  );
  graph.output('logits', 'float32', ['batch', 3]);
  const path = join(folder, 'stairs.onnx');
  writeFileSync(path, graph.finish('stairs'));
  const args = [path, '-i', numbers, '--range=0,1', '--repeats', '1'];
  const { code, report, stderr } = await check(args);
  expect(stderr).not.toContain('neurofuzz:');
  expect(code).toBe(0);
  expect(report.methods.map(({ name }: Row) => name)).toEqual(['occlusion', 'edges']);
  expect(report.notOffered).toContainEqual({ name: 'gradient', why: 'no gradient through Floor (steps)' });
  const named = await check([...args, '--method', 'gradient']);
  expect(named.code).toBe(2);
  expect(named.stderr).toContain('gradient does not suit the model (no gradient through Floor (steps))');
});

test.each([
  [['--method', 'gradent'], 'there is no method gradent: did you mean gradient?'],
  [['--class', '3'], '--class: there is no class 3: the model knows 3 classes, from 0'],
  [['--layers', 'dense'], '--layers: no layer is called dense'],
  [['--most', '2'], '--most must be a number, from -1 to 1'],
  [['--order', 'random'], "argument 'random' is invalid"],
  [['--against', 'other.onnx'], '--repeats is about copies with random layers'],
  [['--html', join('nowhere', 'page.html')], `--html: cannot write ${join('nowhere', 'page.html')}`],
])('refuses %j', async (args, message) => {
  const { code, stderr } = await check([...PICTURES, ...args]);
  expect(code).toBe(2);
  expect(stderr).toContain(message);
});

test('refuses a model without classes, without weights, and a command without seeds', async () => {
  const score = await check([writeScoreOnnx(folder, false), '-i', numbers]);
  expect(score.code).toBe(2);
  expect(score.stderr).toMatch(/needs an output with a value for each class|no layer with constant weights/);
  const graph = new OnnxBuilder();
  graph.node('Abs', [graph.input('x', 'float32', ['batch', 4])], 'y');
  graph.output('y', 'float32', ['batch', 4]);
  const path = join(folder, 'abs.onnx');
  writeFileSync(path, graph.finish('abs'));
  const weightless = await check([path, '-i', numbers]);
  expect(weightless.code).toBe(2);
  expect(weightless.stderr).toContain('no layer with constant weights of two or more dimensions');
  const seedless = await check([model]);
  expect(seedless.code).toBe(2);
  expect(seedless.stderr).toContain('set --seeds');
});

test('--against: a model that is missing, or knows another number of classes, is refused with both', async () => {
  const missing = await check([...SEEN, '--against', 'missing.onnx']);
  expect(missing.code).toBe(2);
  expect(missing.stderr).toContain('missing.onnx');
  const five = writeDenseOnnx(folder, 'five.onnx', { shape: [1, SIDE, SIDE], classes: 5 });
  const { code, stderr } = await check([...SEEN, '--against', five, '--method', 'occlusion']);
  expect(code).toBe(2);
  expect(stderr).toContain(`${five} knows 5 classes, and ${model} 3`);
});

test('a check that judged nothing is refused: scores of NaN, no picture for SSIM, flat maps', async () => {
  const nan = writeDenseOnnx(folder, 'nan.onnx', { shape: [4], weight: () => Number.NaN });
  const ofNan = await check([nan, '-i', numbers, '--range=0,1', '--repeats', '1']);
  expect(ofNan).toMatchObject({ code: 2, stdout: '' });
  expect(ofNan.stderr).toContain('are NaN for every input');
  const ofNumbers = await check([writeSoftmaxOnnx(folder), '-i', numbers, '--range=0,1', '--metric', 'ssim']);
  expect(ofNumbers).toMatchObject({ code: 2, stdout: '' });
  expect(ofNumbers.stderr).toContain('--metric: ssim compares pictures');
  const zero = writeDenseOnnx(folder, 'zero.onnx', { shape: [4], weight: () => 0 });
  const flat = await check([zero, '-i', numbers, '--range=0,1', '--repeats', '1', '--method', 'gradient']);
  expect(flat).toMatchObject({ code: 2, stdout: '' });
  expect(flat.stderr).toContain('gradient has no map on any input (it is flat)');
});

test('layers in a model that writes text: the true reason', async () => {
  const { code, stderr } = await neurofuzz([
    'saliency-check',
    '--config',
    'corpora/char-lm/campaign.yaml',
    '-j',
    '1',
  ]);
  expect(code).toBe(2);
  expect(stderr).toContain('writes text by running a network once a token');
});
