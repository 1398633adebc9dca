import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { OnnxBuilder } from '../../src/model/formats/onnx/builder.ts';
import { decodeNpy } from '../../src/tensor/npy.ts';
import { decodeNpz } from '../../src/tensor/npz.ts';
import { digests, findingFolders, readJson } from '../support/campaign.ts';
import { neurofuzz } from '../support/command.ts';
import { testFolder } from '../support/folder.ts';
import { writeSeeds } from '../support/models.ts';

const folder = testFolder();
const DIGITS = resolve('corpora/quantized-digits/digits.onnx');
const SEEDS = resolve('corpora/quantized-digits/seeds.npz');
const labels = join(folder, 'labels.txt');
let count = 0;

beforeAll(() => {
  const [[, { shape }]] = decodeNpz(readFileSync(SEEDS), SEEDS);
  count = shape[0];
  writeFileSync(labels, Array.from({ length: count }, (_, i) => `${i % 10}\n`).join(''));
});

let runs = 0;
async function reprogram(args: readonly string[], model = DIGITS) {
  const out = join(folder, `out-${runs++}`);
  const given = args.includes('-i') ? [] : ['-i', SEEDS, '--labels', labels, '--range=-1,1'];
  // Each worker is a process more.
  const jobs = args.includes('-j') ? [] : ['-j', '1'];
  const all = ['reprogram', model, ...given, ...args, ...jobs, '-s', '1', '-o', out, '--json'];
  const { code, stdout, stderr } = await neurofuzz(all);
  return { code, out, stderr, report: stdout === '' ? undefined : JSON.parse(stdout) };
}

test('a change for all inputs leads those never seen to a class, and the findings have it', async () => {
  const args = ['--to', '3', '--linf', '0.8', '--steps', '40', '--train', '0.5'];
  const { code, report, out } = await reprogram([...args, '-j', '1']);
  expect(code).toBe(1);
  expect(report).toMatchObject({
    formatVersion: 2,
    mode: 'universal',
    place: 'add',
    values: 784,
    epsilon: 0.8,
    method: 'gradient',
    train: Math.round(count / 2),
  });
  const [{ to, success, control }] = report.programs;
  expect(to).toBe(3);
  expect(success).toBeGreaterThan(0.5);
  expect(control.random).toBeLessThan(success);
  expect(control.none).toBeLessThan(0.1);
  // By the arrays, without the product's code.
  const program = decodeNpy(readFileSync(join(out, 'program.npy')), 'program.npy');
  expect(Math.max(...Array.from(program.data as Float32Array, Math.abs))).toBeLessThanOrEqual(0.8 + 1e-6);
  expect(existsSync(join(out, 'program.png'))).toBe(true);
  const { allow: _, ...written } = report;
  expect(readJson(join(out, 'result.json'))).toEqual(written);
  const found = findingFolders(out);
  expect(found.length).toBe(report.findings);
  expect(found.length).toBeGreaterThan(0);
  for (const path of found) {
    const finding = readJson(path, 'finding.json');
    expect(finding).toMatchObject({ signature: 'universal-3', objective: 'universal', reproduced: '10/10' });
    expect(finding.label).not.toBe(3);
    expect(finding.violation.details.class).toBe(3);
    const [values, seed] = [join(path, 'input.npz'), join(out, 'corpus', `${finding.ancestor}.npz`)].map(
      (file) => {
        const [[, { data }]] = decodeNpz(readFileSync(file), file);
        return Array.from(data, Number);
      },
    );
    values.forEach((value, i) => {
      expect(value).toBeCloseTo(Math.min(1, Math.max(-1, seed[i] + Number(program.data[i]))), 5);
    });
  }
  expect((await neurofuzz(['replay', found[0]])).stdout).toMatch(/still broken 10\/10 {2}universal-3/);
  const double = await reprogram([...args, '-j', '2']);
  expect(double.report).toEqual({ ...report, campaign: double.out });
  expect(digests(double.out, 'findings', 'corpus')).toEqual(digests(out, 'findings', 'corpus'));
  expect(readFileSync(join(double.out, 'program.npy'))).toEqual(readFileSync(join(out, 'program.npy')));
});

describe('where it may write', () => {
  test('a frame is replaced, and the rest stays', async () => {
    const { report, out } = await reprogram(['--to', '1', '--frame', '4', '--steps', '20', '--no-control']);
    expect(report).toMatchObject({ place: 'replace', values: 784 - 400, epsilon: null });
    expect(report.programs[0].control).toMatchObject({ random: null, untrained: null });
    const mask = decodeNpy(readFileSync(join(out, 'mask.npy')), 'mask.npy').data;
    for (const path of findingFolders(out)) {
      const { ancestor } = readJson(path, 'finding.json');
      const [[, { data }]] = decodeNpz(readFileSync(join(path, 'input.npz')), 'input.npz');
      const seedFile = join(out, 'corpus', `${ancestor}.npz`);
      const [[, seed]] = decodeNpz(readFileSync(seedFile), seedFile);
      for (let i = 0; i < 784; i++) if (Number(mask[i]) === 0) expect(data[i]).toBe(seed.data[i]);
    }
  });

  test('a patch that lies anywhere is small, and each input has it in a place of its own', async () => {
    const args = ['--to', '1', '--patch', '9x7@anywhere', '--steps', '30', '--no-control', '--allow', '0'];
    const { report, out } = await reprogram([...args, '--html', join(folder, 'page.html')]);
    expect(report).toMatchObject({ place: 'replace', values: 63, epsilon: null });
    const patch = decodeNpy(readFileSync(join(out, 'program.npy')), 'program.npy');
    expect(patch.shape).toEqual([9, 7, 1]);
    const lines = readFileSync(join(out, 'tests.jsonl'), 'utf8').trim().split('\n');
    const places = new Set(lines.map((line) => JSON.parse(line).offset));
    expect(places.size).toBeGreaterThan(3);
    for (const path of findingFolders(out)) {
      const { ancestor } = readJson(path, 'finding.json');
      const { offset } = lines.map((line) => JSON.parse(line)).find(({ id }) => id === ancestor);
      const [[, { data }]] = decodeNpz(readFileSync(join(path, 'input.npz')), 'input.npz');
      for (let row = 0; row < 9; row++)
        for (let column = 0; column < 7; column++)
          expect(data[offset + 28 * row + column]).toBeCloseTo(Number(patch.data[7 * row + column]), 6);
    }
    const page = readFileSync(join(folder, 'page.html'), 'utf8');
    expect(page).toContain('<h2>Change for 1</h2>');
    expect(page.match(/data:image\/png/g)).toHaveLength(2);
    expect(page).toContain('success, the model');
  });

  test('the smallest change that is asked for is smaller, and still does', async () => {
    const args = ['--to', '3', '--linf', '1.2', '--steps', '30', '--train', '0.5', '--no-control'];
    const { report } = await reprogram([...args, '--stealth', '0.5']);
    const [{ stealth, success }] = report.programs;
    expect(stealth).toMatchObject({ asked: 0.5, isReached: true, values: 784 });
    expect(stealth.epsilon).toBeLessThan(1.2);
    expect(success).toBeGreaterThan(0.2);
    const whole = await reprogram([
      '--to',
      '3',
      '--linf',
      '0.001',
      '--steps',
      '5',
      '--stealth',
      '0.9',
      '--no-control',
    ]);
    expect(whole.report.programs[0].stealth.isReached).toBe(false);
    expect(whole.stderr).toMatch(/--stealth: the change for 3 does not reach a success of 0.9/);
  });

  test('nes asks for outputs alone, where there is no gradient', async () => {
    const graph = new OnnxBuilder();
    const signs = graph.node('Sign', [graph.input('x', 'float32', ['batch', 4])], 'signs');
    const weights = Float32Array.of(1, -1, 0, 0, 1, -1, -1, 0, 1, 0.5, 0.5, 0.5);
    graph.node('MatMul', [signs, graph.constant('w', 'float32', [4, 3], weights)], 'scores');
    graph.output('scores', 'float32', ['batch', 3]);
    const flat = join(folder, 'flat.onnx');
    writeFileSync(flat, graph.finish('flat'));
    const rows = Array.from({ length: 30 }, (_, i) =>
      [0, 1, 2, 3].map((j) => ((7 * i + 5 * j) % 20) / 10 - 1),
    );
    const seeds = writeSeeds(folder, rows);
    const classes = join(folder, 'zeros.txt');
    writeFileSync(classes, rows.map((_, i) => `${i % 3}\n`).join(''));
    const args = ['-i', seeds, '--labels', classes, '--range=-1,1', '--train', '0.5', '--linf', '2'];
    const { report, stderr } = await reprogram(
      [...args, '--to', '1', '--queries', '25600', '--no-control'],
      flat,
    );
    expect(report.method).toBe('nes');
    expect(report.programs[0].success).toBeGreaterThan(0.9);
    expect(stderr).toMatch(/no gradients .*: the search asks for outputs alone/);
  });
});

test('a change that makes the model unsure has findings of its own, which replay', async () => {
  const args = ['--to', 'abstain=0.6', '--linf', '0.8', '--steps', '40', '--train', '0.5', '--no-control'];
  const { code, report, out } = await reprogram(args);
  expect(code).toBe(1);
  const [{ to, success, control }] = report.programs;
  expect(to).toBe('abstain');
  expect(success).toBeGreaterThan(control.none);
  const [path] = findingFolders(out);
  expect(readJson(path, 'finding.json')).toMatchObject({
    signature: 'universal-abstain',
    reproduced: '10/10',
  });
  expect((await neurofuzz(['replay', path])).stdout).toMatch(/still broken 10\/10 {2}universal-abstain/);
});

test('minimize drops blocks of a program while nine tenths of the test inputs stay turned', async () => {
  const { out } = await reprogram([
    '--to',
    '3',
    '--frame',
    '5',
    '--steps',
    '40',
    '--train',
    '0.5',
    '--no-control',
  ]);
  const [path] = findingFolders(out);
  const { stdout } = await neurofuzz(['minimize', path, '--tries', '3000', '--json']);
  const [{ smaller }] = JSON.parse(stdout).findings;
  expect(smaller).toHaveLength(1);
  expect(smaller[0].goal).toBe('program');
  const minimized = readJson(smaller[0].path, 'finding.json');
  expect(minimized).toMatchObject({
    signature: 'universal-3',
    minimized: { from: readJson(path, 'finding.json').id, goal: 'program' },
    reproduced: '10/10',
  });
  const [before, after] = [out, smaller[0].path].map((place) =>
    decodeNpy(readFileSync(join(place, 'mask.npy')), 'mask.npy'),
  );
  const sumOf = ({ data }: typeof before): number => Array.from(data, Number).reduce((sum, x) => sum + x, 0);
  expect(sumOf(after)).toBeLessThan(0.8 * sumOf(before));
  before.data.forEach((isInside, i) => {
    expect(Number(after.data[i])).toBeLessThanOrEqual(Number(isInside));
  });
  // Where nothing is written, the input is that of the seed.
  const seedFile = join(out, 'corpus', `${minimized.ancestor}.npz`);
  const [[, seed]] = decodeNpz(readFileSync(seedFile), seedFile);
  const [[, { data }]] = decodeNpz(readFileSync(join(smaller[0].path, 'input.npz')), 'input.npz');
  for (let i = 0; i < 784; i++) if (Number(after.data[i]) === 0) expect(data[i]).toBe(seed.data[i]);
});

test('a program is a mutator of later campaigns, which obeys bounds and constraints', async () => {
  const { out } = await reprogram(['--to', '3', '--linf', '0.8', '--steps', '20', '--no-control']);
  const campaign = join(folder, 'with-program');
  const { code } = await neurofuzz([
    'fuzz',
    DIGITS,
    ...['-i', SEEDS, '--labels', labels, '--range=-1,1', '--linf', '0.5', '-O', 'misclassified'],
    ...['-m', `program:file=${join(out, 'program.npy')},strength=0.9`, '-n', '600', '-s', '1', '-j', '1'],
    ...['-o', campaign, '--quiet', '--guidance', 'none'],
  ]);
  expect(code).toBe(1);
  const [path] = findingFolders(campaign);
  const { ancestor, mutators, distance } = readJson(path, 'finding.json');
  expect(new Set(mutators)).toEqual(new Set(['image:program']));
  expect(distance.linf).toBeLessThanOrEqual(0.5 + 1e-6);
  const [[, { data }]] = decodeNpz(readFileSync(join(path, 'input.npz')), 'input.npz');
  expect(Math.max(...Array.from(data as Float32Array, Math.abs))).toBeLessThanOrEqual(1);
  expect(existsSync(join(campaign, 'corpus', `${ancestor}.npz`))).toBe(true);
  expect((await neurofuzz(['replay', path])).stdout).toMatch(/still broken 10\/10/);
});

test('a random model is refused without --draws, and averaged with them', async () => {
  const graph = new OnnxBuilder();
  const x = graph.input('x', 'float32', ['batch', 4]);
  graph.node('RandomNormalLike', [x], 'noise', { scale: { float: 0.3 } });
  const weights = Float32Array.of(1, -1, 0, 0, 1, -1, -1, 0, 1, 0.5, 0.5, 0.5);
  graph.node('Add', [x, 'noise'], 'noisy');
  graph.node('MatMul', ['noisy', graph.constant('w', 'float32', [4, 3], weights)], 'scores');
  graph.output('scores', 'float32', ['batch', 3]);
  const model = join(folder, 'noisy.onnx');
  writeFileSync(model, graph.finish('noisy'));
  const rows = Array.from({ length: 40 }, (_, i) => [0, 1, 2, 3].map((j) => ((7 * i + 5 * j) % 20) / 10 - 1));
  const seeds = writeSeeds(folder, rows, 'noisy.npz');
  const classes = join(folder, 'noisy.txt');
  writeFileSync(classes, rows.map((_, i) => `${i % 3}\n`).join(''));
  const args = ['-i', seeds, '--labels', classes, '--range=-1,1', '--train', '0.5', '--linf', '2'];
  const nes = ['--to', '1', '--method', 'nes', '--queries', '51200', '--no-control'];
  const refused = await reprogram([...args, ...nes, '--quiet'], model);
  expect(refused.code).toBe(2);
  expect(refused.stderr).toMatch(/the model is random, two runs of one input differ: set --draws/);
  const { report } = await reprogram([...args, ...nes, '--draws', '4'], model);
  expect(report.draws).toBe(4);
  expect(report.programs[0].success).toBeGreaterThan(0.7);
});

test('a model that ignores its input has no finding, and is named', async () => {
  const graph = new OnnxBuilder();
  const zero = graph.node('Sub', [graph.input('x', 'float32', ['batch', 4]), 'x'], 'zero');
  graph.node('MatMul', [zero, graph.constant('w', 'float32', [4, 3], new Float32Array(12))], 'flat');
  graph.node('Add', ['flat', graph.constant('b', 'float32', [3], Float32Array.of(0, 1, 0))], 'scores');
  graph.output('scores', 'float32', ['batch', 3]);
  const constant = join(folder, 'constant.onnx');
  writeFileSync(constant, graph.finish('constant'));
  const rows = Array.from({ length: 24 }, (_, i) => [0, 1, 2, 3].map((j) => ((7 * i + 5 * j) % 20) / 20));
  const seeds = writeSeeds(folder, rows, 'constant.npz');
  const classes = join(folder, 'turns.txt');
  writeFileSync(classes, rows.map((_, i) => `${i % 3}\n`).join(''));
  const args = ['-i', seeds, '--labels', classes, '--range=0,1', '--train', '0.5', '--method', 'gradient'];
  const { code, report, stderr } = await reprogram([...args, '--to', '0', '1', '--steps', '5'], constant);
  expect(code).toBe(0);
  expect(report.findings).toBe(0);
  expect(report.programs).toMatchObject([
    { to: 0, success: 0, control: { none: 0, random: 0, untrained: 0 } },
    { to: 1, success: 1, control: { none: 1, random: 1, untrained: 1 } },
  ]);
  expect(stderr).toMatch(/warning: the model ignores its input/);
});

describe('with a threat model', () => {
  const file = (block: string): string => {
    const path = join(folder, 'attacked.yaml');
    writeFileSync(
      path,
      `model: ${DIGITS}\nseeds: ${SEEDS}\nlabels: ${labels}\nthreatModel:\n  goal: { kind: untargeted }\n${block}`,
    );
    return path;
  };

  test('keeps to its limits, and asks for outputs alone where these are all that is seen', async () => {
    const path = file(
      '  may: indistinguishable\n  limits: { linf: 0.8, range: [-1, 1] }\n  knows: { model: outputs }\n',
    );
    const args = ['-c', path, '--to', '3', '--queries', '5120', '--no-control', '--allow', '0'];
    const out = join(folder, 'attacked');
    const { stdout } = await neurofuzz(['reprogram', ...args, '-s', '1', '-j', '1', '-o', out, '--json']);
    const report = JSON.parse(stdout);
    expect(report).toMatchObject({ method: 'nes', epsilon: 0.8 });
    expect(report.threatModel.outside).toBe(0);
    expect(report.threatModel.checked).toBe(findingFolders(out).length);
  });

  test.each([
    [
      '  knows: { model: outputs }\n  may: indistinguishable\n  limits: { linf: 0.1 }\n',
      ['--method', 'gradient'],
      /hides the weights/,
    ],
    ['  queries: { each: 100 }\n', [], /one change is for all inputs/],
    ['  may: content-preserving\n', [], /does not keep what each of them means/],
    ['  turn: before\n', [], /set it to after/],
    ['  limits: { l2: 1 }\n', [], /limits\.l2: a change is trained within a limit of each value alone/],
  ])('%j %j is refused', async (block, flags, message) => {
    const { code, stderr } = await neurofuzz([
      'reprogram',
      '-c',
      file(block),
      '--to',
      '3',
      ...flags,
      '--quiet',
    ]);
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
  });
});

test.each([
  [['--to', '10'], /there is no class 10: the model knows 10 classes, from 0/],
  [['--to', '3', '--frame', '14'], /--frame: 14 pixels from each side cover all of a picture/],
  [['--to', '3', '--patch', '28x28@0,0'], /--patch: it covers all of a picture/],
  [['--to', '3', '--patch', '8x8@25,0'], /--patch: it leaves a picture/],
  [['--to', '3', '--patch', '8@1'], /--patch must be written as HxW@row,column/],
  [['--to', '3', '--patch', '8x8@1,1', '--frame', '2'], /a change has one place/],
  [['--to', '3', '--frame', '2', '--linf', '0.1'], /a frame or a patch is replaced: leave one out/],
  [
    ['--to', '3', '--inputs', '12'],
    /a program needs 8 labelled inputs or more to train on and as many to test it/,
  ],
  [['--to', 'three'], /--to/],
  [['--to', '3', '3'], /--to: 3 is asked for twice/],
  [['--to', 'abstain=0.1'], /the greatest of 10 shares is 1\/10 or more/],
  [
    ['--to', '3', '--html', '/nowhere/page.html'],
    /--html: cannot write \/nowhere\/page.html: no such file or folder/,
  ],
  [['--to', 'abstain=2'], /--to abstain must be a number, above 0 and at most 1/],
  [['--to', '3', '--stealth', '1'], /--stealth must be a number, above 0 and below 1/],
  [['--to', '3', '--draws', '0'], /--draws must be a number, whole and at least 1/],
  [['--to', '3', '--patch', '28x28@anywhere'], /--patch: it covers all of a picture/],
  [['-i', SEEDS, '--to', '3'], /set --labels/],
])('refuses %j in one line', async (args, message) => {
  const { code, stderr } = await reprogram([...args, '--quiet']);
  expect({ code, lines: stderr.trim().split('\n').length }).toEqual({ code: 2, lines: 1 });
  expect(stderr).toMatch(message);
});
