import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { OnnxBuilder } from '../../src/model/formats/onnx/builder.ts';
import { decodeNpz } from '../../src/tensor/npz.ts';
import { neurofuzz } from '../support/command.ts';
import { testFolder } from '../support/folder.ts';
import { WEIGHTS, writeSeeds, writeSoftmaxOnnx } from '../support/models.ts';
import { SIDE, writeConvolutionOnnx, writeDenseOnnx, writePictures } from '../support/saliency.ts';

const folder = testFolder();
const model = writeConvolutionOnnx(folder);
const seeds = writePictures(folder, 6);
const PICTURES = [model, '-i', seeds, '--range=0,1', '--inputs', '5', '-s', '1'];

interface Method {
  readonly name: string;
  readonly refusal: string | null;
  readonly values: readonly number[] | null;
}

async function explain(args: readonly string[]) {
  const { code, stdout, stderr } = await neurofuzz(['explain', ...args, '--json']);
  return { code, stderr, report: stdout === '' ? undefined : JSON.parse(stdout) };
}

test('writes a sheet and maps for each input, the same bytes on any number of workers', async () => {
  const [single, double] = [join(folder, 'single'), join(folder, 'double')];
  const { code, report } = await explain([...PICTURES, '-j', '1', '--out', single]);
  expect(code).toBe(0);
  expect(report.inputs).toHaveLength(5);
  const names = report.inputs[0].methods.map(({ name }: Method) => name);
  expect(names).toEqual([
    ...['gradient', 'smoothgrad', 'input-gradient', 'integrated-gradients'],
    ...['guided-backprop', 'grad-cam', 'guided-grad-cam', 'occlusion', 'edges'],
  ]);
  const files = readdirSync(single).sort();
  expect(files).toHaveLength(10);
  const { report: second } = await explain([...PICTURES, '-j', '2', '--out', double]);
  expect({ ...second, out: single }).toEqual(report);
  for (const file of files)
    expect(readFileSync(join(double, file)).equals(readFileSync(join(single, file)))).toBe(true);
  const npz = join(single, `input-${report.inputs[0].index}.npz`);
  const arrays = new Map(decodeNpz(readFileSync(npz), npz));
  expect(arrays.get('gradient')?.shape).toEqual([SIDE, SIDE]);
  expect(arrays.has('occlusion-magnitude')).toBe(true);
});

test('a table: the weights of the class as bars', async () => {
  const linear = writeSoftmaxOnnx(folder);
  const numbers = writeSeeds(folder, [[0.5, 0, 1, 0.25]]);
  const args = [
    linear,
    '-i',
    numbers,
    '--range=0,1',
    '--class',
    '1',
    '--method',
    'gradient',
    'occlusion',
    '-j',
    '1',
  ];
  const { code, report } = await explain(args);
  expect(code).toBe(0);
  const [{ class: of, methods }] = report.inputs;
  expect(of).toBe(1);
  // Column 1 of the weights; a column that is 0 can't fall.
  const weights = [0, 1, 2, 3].map((row) => WEIGHTS[3 * row + 1]);
  expect(methods[0].values).toEqual(weights);
  const falls = weights.map((weight, i) => weight * [0.5, 0, 1, 0.25][i]);
  methods[1].values.forEach((value: number, i: number) => expect(value).toBeCloseTo(falls[i], 6));
  const { stdout } = await neurofuzz(['explain', ...args]);
  expect(stdout).toMatch(/column 1 +2 +█{12}/);
});

/** Scores of class 1 grow with the squares of what tokens are looked up as: n − 5 and twice that. */
function writeSquaresOnnx(name: string, opset: number): string {
  const graph = new OnnxBuilder();
  const ids = graph.input('ids', 'int64', ['batch', 5]);
  const table = Float32Array.from({ length: 20 }, (_, i) => (Math.floor(i / 2) - 5) * (1 + (i % 2)));
  graph.node('Gather', [graph.constant('table', 'float32', [10, 2], table), ids], 'rows');
  graph.node('Mul', ['rows', 'rows'], 'squares');
  graph.node('ReduceMean', ['squares'], 'means', { axes: [1], keepdims: 0 });
  graph.node(
    'MatMul',
    ['means', graph.constant('w', 'float32', [2, 2], Float32Array.of(0, 1, 0, 1))],
    'logits',
  );
  graph.output('logits', 'float32', ['batch', 2]);
  const path = join(folder, name);
  writeFileSync(path, graph.finish('tokens', opset));
  return path;
}

test('tokens: what the score depends on is marked', async () => {
  const path = writeSquaresOnnx('tokens.onnx', 17);
  const prompts = join(folder, 'tokens.json');
  writeFileSync(prompts, JSON.stringify([[5, 5, 9, 5, 6]]));
  const args = [path, '-i', prompts, '--class', '1', '-j', '1', '-s', '1'];
  const { code, report, stderr } = await explain(args);
  expect(stderr).not.toContain('neurofuzz:');
  expect(code).toBe(0);
  const [{ places, methods }] = report.inputs;
  expect(places).toEqual(['5', '5', '9', '5', '6']);
  const names = methods.map(({ name }: Method) => name);
  expect(names).toEqual(['gradient', 'smoothgrad', 'input-gradient', 'integrated-gradients', 'occlusion']);
  const { values } = methods[0];
  // Of the mean of squares over 5 tokens: 2·e/5, and e is (n − 5) and twice that.
  [0, 0, 4, 0, 1].forEach((off, i) => expect(values[i]).toBeCloseTo((2 * 3 * off) / 5, 4));
  const { stdout } = await neurofuzz(['explain', ...args, '--method', 'gradient']);
  expect(stdout).toContain('5 5 [[9]] 5 6');
});

// In graphs with old operators gradients are computed by a graph of its own.
test.each([17, 12])(
  'tokens: gradients at other vectors than those that are looked up, opset %i',
  async (opset) => {
    const path = writeSquaresOnnx(`tokens-${opset}.onnx`, opset);
    const prompts = join(folder, 'vectors.json');
    const tokens = [5, 3, 9, 0, 6];
    writeFileSync(prompts, JSON.stringify([tokens]));
    const chosen = ['--method', 'smoothgrad', 'input-gradient', 'integrated-gradients'];
    const { code, report } = await explain([path, '-i', prompts, '--class', '1', '-s', '1', ...chosen]);
    expect(code).toBe(0);
    const values = new Map<string, readonly number[]>(
      report.inputs[0].methods.map((method: Method) => [method.name, method.values]),
    );
    // z is the mean of 5·(n − 5)² over five tokens; the token 0 stands for absence.
    tokens.forEach((token, place) => {
      const off = token - 5;
      expect(values.get('input-gradient')?.[place]).toBeCloseTo(2 * off * off + 10 * off, 3);
      expect(values.get('integrated-gradients')?.[place]).toBeCloseTo(off * off - 25, 3);
      // Noise of 0.15 of the span, from −10 to 8, around the gradient.
      expect(Math.abs((values.get('smoothgrad')?.[place] ?? 0) - (6 * off) / 5)).toBeLessThan(1);
    });
  },
);

test.each([
  [['--method', 'grad-cam'], 'grad-cam does not suit the model (the model has no convolution'],
  [['--class', '7'], '--class: there is no class 7'],
  [['--baseline', 'black'], '--baseline'],
])('refuses %j', async (args, message) => {
  const linear = writeSoftmaxOnnx(folder, 'refused.onnx');
  const numbers = writeSeeds(folder, [[0.5, 0, 1, 0.25]], 'refused.npz');
  const { code, stderr } = await explain([linear, '-i', numbers, '--range=0,1', '-j', '1', ...args]);
  expect(code).toBe(2);
  expect(stderr).toContain(message);
});

test('a folder that cannot be written is refused', async () => {
  const file = join(folder, 'file');
  writeFileSync(file, '');
  const { code, stderr } = await explain([...PICTURES, '--method', 'edges', '-j', '1', '--out', file]);
  expect(code).toBe(2);
  expect(stderr).toContain('--out: cannot write to');
  expect(existsSync(file)).toBe(true);
});

test('a folder with other maps is refused, and replaced with --overwrite; a method that is named twice is drawn once', async () => {
  const out = join(folder, 'maps');
  const edges = [...PICTURES, '--method', 'edges', 'edges', '-j', '1', '--out', out];
  const first = await explain(edges);
  expect(first.code).toBe(0);
  expect(first.report.inputs[0].methods).toHaveLength(1);
  writeFileSync(join(out, 'input-77.npz'), 'of an earlier run');
  writeFileSync(join(out, 'notes.txt'), 'mine');
  const again = await explain(edges);
  expect(again.code).toBe(2);
  expect(again.stderr).toContain('holds other maps');
  expect((await explain([...edges, '--overwrite'])).code).toBe(0);
  expect(existsSync(join(out, 'input-77.npz'))).toBe(false);
  expect(existsSync(join(out, 'notes.txt'))).toBe(true);
});

test('a model without rectifiers has no guided-backprop, and says why; labels stand beside the classes', async () => {
  const dense = writeDenseOnnx(folder, 'plain.onnx', { shape: [4] });
  const numbers = writeSeeds(folder, [[0.5, 0, 1, 0.25]], 'plain.npz');
  const labels = join(folder, 'plain.txt');
  writeFileSync(labels, '2\n');
  const { report } = await explain([dense, '-i', numbers, '--range=0,1', '--labels', labels, '-j', '1']);
  expect(report.inputs[0].label).toBe(2);
  expect(report.notOffered).toContainEqual({
    name: 'guided-backprop',
    why: 'the model has no rectifier between its input and the scores: it would equal gradient',
  });
});

test('a model that writes text: one line for the methods without gradients, and no padding', async () => {
  const args = ['explain', '--config', 'corpora/char-lm/campaign.yaml', '-j', '1', '--inputs', '1'];
  const { code, stdout, stderr } = await neurofuzz(args);
  expect(code).toBe(0);
  expect(stderr.match(/no gradient/g)).toHaveLength(1);
  expect(stdout).not.toContain('-1');
});
