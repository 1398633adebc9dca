import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { randomStream } from '../../src/core/random.ts';
import { OnnxBuilder } from '../../src/model/formats/onnx/builder.ts';
import { decodeNpy, encodeNpy } from '../../src/tensor/npy.ts';
import { encodeNpz } from '../../src/tensor/npz.ts';
import { readJson } from '../support/campaign.ts';
import { neurofuzz } from '../support/command.ts';
import { testFolder } from '../support/folder.ts';

const folder = testFolder();
const DIGITS = resolve('corpora/quantized-digits/digits.onnx');

let runs = 0;
async function reprogram(args: readonly string[], model = DIGITS) {
  const out = join(folder, `out-${runs++}`);
  const range = args.some((arg) => arg.startsWith('--range')) ? [] : ['--range=-1,1'];
  const jobs = args.includes('-j') ? [] : ['-j', '1'];
  const all = ['reprogram', model, ...range, ...args, ...jobs, '-s', '1', '-o', out, '--json'];
  const { code, stdout, stderr } = await neurofuzz(all);
  return { code, out, stderr, report: stdout === '' ? undefined : JSON.parse(stdout) };
}

/** Inputs of 5×5 pixels, of which the left or the right column is white, and which of the two. */
function writeColumns(count: number): readonly [inputs: string, labels: string] {
  const random = randomStream('columns');
  const data = new Float32Array(count * 25);
  const labels = Int32Array.from({ length: count }, () => random.below(2));
  for (let i = 0; i < data.length; i++) {
    const isWhite = i % 5 === (labels[Math.floor(i / 25)] === 0 ? 0 : 4);
    data[i] = (isWhite ? 0.6 : 0) + 0.3 * random.uniform();
  }
  const [inputs, answers] = [join(folder, `columns-${count}.npz`), join(folder, `labels-${count}.npy`)];
  writeFileSync(inputs, encodeNpz([['x', { type: 'float32', shape: [count, 5, 5], data }]]));
  writeFileSync(answers, encodeNpy({ type: 'int32', shape: [count], data: labels }));
  return [inputs, answers];
}

test('counts squares: figures, files, and the same bytes on two workers', async () => {
  const args = ['--task', 'squares:2', '--inputs', '200', '--steps', '30', '--method', 'gradient'];
  const { code, report, out, stderr } = await reprogram(args);
  expect(code).toBe(0);
  expect(stderr).not.toMatch(/warning/);
  expect(report).toMatchObject({
    formatVersion: 2,
    mode: 'task',
    task: 'squares:2',
    place: 'replace',
    // 16×16 of 28×28 pixels are the task's.
    values: 784 - 256,
    epsilon: null,
    labels: 2,
    train: 160,
    test: 40,
  });
  const { accuracy, control, excess, bits, map, chance } = report;
  expect(excess.value).toBeCloseTo(accuracy - Math.max(control.none, control.random, control.untrained), 12);
  expect(report.isReprogrammable).toBe(excess.low > 0);
  expect(chance).toBeGreaterThanOrEqual(0.5);
  expect(accuracy).toBeGreaterThan(0.5);
  expect(bits).toBeGreaterThanOrEqual(0);
  expect(map.map(({ length }: readonly number[]) => length)).toEqual([5, 5]);
  expect(report.strengths).toHaveLength(10);
  expect(report.strengths[9].score).toBe(accuracy);
  expect(report.strengths[9].untrained).toBe(control.untrained);
  // The task's pictures are left alone, and everything else is written.
  const program = decodeNpy(readFileSync(join(out, 'program.npy')), 'program.npy');
  expect(program.shape).toEqual([28, 28, 1]);
  for (let i = 0; i < 784; i++) {
    const [row, column] = [Math.floor(i / 28), i % 28];
    const isPicture = row >= 6 && row < 22 && column >= 6 && column < 22;
    expect(Number.isNaN(Number(program.data[i]))).toBe(isPicture);
  }
  expect(JSON.parse(readFileSync(join(out, 'map.json'), 'utf8'))).toEqual(map);
  const { allow: _, ...written } = report;
  expect(readJson(out, 'result.json')).toEqual(written);
  const curve = readFileSync(join(out, 'curve.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(curve).toHaveLength(2 * 30);
  expect(curve[59]).toEqual({ to: 'task', control: true, step: 29, loss: expect.any(Number) });
  expect(existsSync(join(out, 'program.png'))).toBe(true);
  const double = await reprogram([...args, '-j', '2']);
  expect(double.report).toEqual({ ...report, campaign: double.out });
  expect(readFileSync(join(double.out, 'program.npy'))).toEqual(readFileSync(join(out, 'program.npy')));
});

test('a task of own inputs that the model does without a program has no excess, and classes may be given', async () => {
  // Two classes count the pixels of the left half, two those of the right one.
  const graph = new OnnxBuilder();
  const shape = graph.constant('rows', 'int64', [2], BigInt64Array.of(-1n, 196n));
  const flat = graph.node('Reshape', [graph.input('x', 'float32', ['batch', 14, 14, 1]), shape], 'flat');
  const weights = Float32Array.from({ length: 196 * 4 }, (_, i) => {
    const [pixel, k] = [Math.floor(i / 4), i % 4];
    const isLeft = pixel % 14 < 7;
    return (isLeft ? k === 0 || k === 2 : k === 1 || k === 3) ? 0.05 : 0;
  });
  graph.node('MatMul', [flat, graph.constant('w', 'float32', [196, 4], weights)], 'scores');
  graph.output('scores', 'float32', ['batch', 4]);
  const model = join(folder, 'halves.onnx');
  writeFileSync(model, graph.finish('halves'));
  const [inputs, labels] = writeColumns(300);
  const args = ['--range=0,1', '--task', inputs, '--task-labels', labels, '--steps', '60'];
  const { report, out } = await reprogram([...args, '--method', 'gradient'], model);
  // 5 pixels stay 5 of 14: twice as many are more than 4/7.
  expect(report).toMatchObject({ values: 196 - 25, labels: 2, train: 240, test: 60 });
  expect(report.accuracy).toBeGreaterThan(0.95);
  expect(report.bits).toBeGreaterThan(0.7);
  // Sums of pixels tell the sides apart without a program, so nothing is in excess.
  expect(report.control.none).toBeGreaterThan(0.95);
  expect(report.isReprogrammable).toBe(false);
  const map = join(folder, 'map.json');
  writeFileSync(map, '[[1, 3], [0]]');
  const turned = await reprogram([...args, '--map', map, '--no-control', '--linf', '0.1'], model);
  expect(turned.report).toMatchObject({ map: [[1, 3], [0]], place: 'add', epsilon: 0.1, excess: null });
  expect(turned.report.accuracy).toBeLessThan(0.5);
  expect(readJson(out, 'map.json')).toHaveLength(2);
});

describe('refuses in one line', () => {
  const [inputs, labels] = writeColumns(40);
  const file = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  };
  test.each([
    [
      ['--task', 'squares:2', '--inputs', '20'],
      /there are 16 and 4: give --task more inputs, or set --train/,
    ],
    [['--task', 'squares:11'], /it has 11 labels, and the model knows 10 classes/],
    [['--task', 'squares:2', '--to', '3'], /--to is for a change that leads inputs to a class/],
    [['--task', 'squares:2', '--stealth', '0.9'], /--stealth is for a change/],
    [['--task', 'squares:2', '--patch', '4x4@10,10'], /nothing in image to write on/],
    [['--task', 'squares:2', '--patch', '4x4@anywhere'], /keeps to no task/],
    [['--task', inputs, '--task-labels', file('same.txt', '1\n'.repeat(40))], /all inputs have one label/],
    [
      ['--task', inputs, '--task-labels', labels, '--map', file('m.json', '[[0], [10]]')],
      /--map: .*names class 10/,
    ],
    [['--task', inputs, '--task-labels', labels, '--map', file('x.json', '{')], /--map: .*is not JSON/],
    [['--map', 'first', '-i', inputs], /--map is for another task/],
    [['--task-labels', labels, '-i', inputs], /--task-labels is for another task/],
  ])('%j', async (args, message) => {
    const { code, stderr } = await reprogram([...args, '--quiet']);
    expect({ code, lines: stderr.trim().split('\n').length }).toEqual({ code: 2, lines: 1 });
    expect(stderr).toMatch(message);
  });
});
