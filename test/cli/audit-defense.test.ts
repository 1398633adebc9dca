import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { type Mask, masked } from '../../bench/masked-models.ts';
import { randomStream } from '../../src/core/random.ts';
import { OnnxBuilder } from '../../src/model/formats/onnx/builder.ts';
import { decodeNpz } from '../../src/tensor/npz.ts';
import { digests, findingFolders, readJson } from '../support/campaign.ts';
import { neurofuzz } from '../support/command.ts';
import { testFolder } from '../support/folder.ts';
import { WEIGHTS, writeSeeds } from '../support/models.ts';

const folder = testFolder();

/** Logits of a linear network, five times those of the small softmax network. */
const SCALED = WEIGHTS.map((weight) => 5 * weight);
const LIMIT = 0.15;

/** Distinct rows of quarters, which rounding to quarters leaves as they are. */
function quarterRows(count: number): number[][] {
  const random = randomStream('audit');
  const rows = new Map<string, number[]>();
  while (rows.size < count) {
    const row = Array.from({ length: 4 }, () => random.below(5) / 4);
    if (gapOf(row) > 0.5) rows.set(row.join(), row);
  }
  return [...rows.values()];
}

function logitsOf(row: readonly number[]): number[] {
  return [0, 1, 2].map((k) => row.reduce((sum, value, j) => sum + value * SCALED[3 * j + k], 0));
}

function gapOf(row: readonly number[]): number {
  const [first, second] = logitsOf(row).sort((a, b) => b - a);
  return first - second;
}

function classOf(row: readonly number[]): number {
  const logits = logitsOf(row);
  return logits.indexOf(Math.max(...logits));
}

const ROWS = quarterRows(40);
const seeds = writeSeeds(folder, ROWS);
const labels = join(folder, 'labels.txt');
writeFileSync(labels, ROWS.map((row) => `${classOf(row)}\n`).join(''));

function linearOnnx(): Uint8Array {
  const graph = new OnnxBuilder();
  const x = graph.input('x', 'float32', ['batch', 4]);
  graph.node('MatMul', [x, graph.constant('w', 'float32', [4, 3], SCALED)], 'logits');
  graph.output('logits', 'float32', ['batch', 3]);
  return graph.finish('linear');
}

/** The same on counts of thresholds that a value is above, of which there is no gradient. */
function stairsOnnx(): Uint8Array {
  const graph = new OnnxBuilder();
  const x = graph.input('x', 'float32', ['batch', 4]);
  const shape = graph.constant('shape', 'int64', [3], BigInt64Array.of(-1n, 4n, 1n));
  const thresholds = Float32Array.from({ length: 20 }, (_, i) => 0.025 + i / 20);
  const above = graph.node(
    'Greater',
    [graph.node('Reshape', [x, shape], 'values'), graph.constant('t', 'float32', [20], thresholds)],
    'above',
  );
  const counts = graph.node('Cast', [above], 'counts', { to: 1 });
  const axes = graph.constant('axes', 'int64', [1], BigInt64Array.of(2n));
  const sums = graph.node('ReduceSum', [counts, axes], 'sums', { keepdims: 0 });
  const weights = SCALED.map((weight) => weight / 20);
  graph.node('MatMul', [sums, graph.constant('w', 'float32', [4, 3], weights)], 'logits');
  graph.output('logits', 'float32', ['batch', 3]);
  return graph.finish('stairs');
}

function write(name: string, file: Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, file);
  return path;
}

const plain = write('plain.onnx', linearOnnx());
const maskedPath = (mask: Mask): string => write(`${mask}.onnx`, masked(linearOnnx(), mask));
const BUDGET = ['--inputs', '20', '--steps', '16', '--queries', '80'];

interface Row {
  readonly name: string;
  readonly flagged: boolean;
}

let runs = 0;
async function audit(model: string, args: readonly string[] = []) {
  const out = join(folder, `out-${runs++}`);
  const inputs = ['-i', seeds, '--labels', labels, '--range=0,1'];
  const all = ['audit-defense', model, ...inputs, '--linf', `${LIMIT}`, ...BUDGET, ...args];
  // Each worker is a process more.
  const jobs = args.includes('-j') ? [] : ['-j', '1'];
  const { code, stdout, stderr } = await neurofuzz([...all, ...jobs, '-s', '1', '-o', out, '--json']);
  const report = stdout === '' ? undefined : JSON.parse(stdout);
  const flags = report?.checks.filter(({ flagged }: Row) => flagged).map(({ name }: Row) => name);
  return { code, stderr, out, report, flags };
}

test('a plain network: no flags, its broken inputs as findings, and the same on any number of workers', async () => {
  const page = join(folder, 'audit.html');
  const single = await audit(plain, ['-j', '1', '--html', page]);
  expect(single).toMatchObject({ code: 0, flags: [] });
  const { report, out } = single;
  expect(report).toMatchObject({
    formatVersion: 1,
    norm: 'linf',
    epsilon: LIMIT,
    inputs: 20,
    clean: 1,
    verdict: 'no sign of masking',
    adaptive: null,
    claim: null,
  });
  expect(report.notRun).toEqual([{ name: 'staircase', why: 'the model has gradients' }]);
  expect(report.curve.map(({ epsilon }: { epsilon: number }) => epsilon)).toEqual(
    [0.25, 0.5, 1, 2, 4].map((share) => share * LIMIT),
  );
  const found = findingFolders(out);
  expect(found.length).toBe(report.findings);
  expect(found.length).toBe(Math.round(20 * (1 - report.worst)));
  expect(found.length).toBeGreaterThan(0);
  for (const path of found) {
    const finding = readJson(path, 'finding.json');
    expect(finding.signature).toMatch(
      /^defence-(?:pgd|one-step|ten-steps|random|outputs|surrogate|half|quarter)/,
    );
    expect(finding.reproduced).toBe('10/10');
    expect(finding.distance.linf).toBeLessThanOrEqual(LIMIT);
    // By the weights, without the product's code.
    const [[, { data }]] = decodeNpz(readFileSync(join(path, 'input.npz')), path);
    expect(classOf(Array.from(data, Number))).not.toBe(finding.label);
  }
  const html = readFileSync(page, 'utf8');
  expect(html).toContain('no sign of masking');
  expect(html).toContain('class="curve"');
  const double = await audit(plain, ['-j', '2']);
  expect(double.report).toEqual({ ...report, campaign: double.out });
  expect(digests(double.out, 'findings', 'corpus')).toEqual(digests(out, 'findings', 'corpus'));
  const replayed = await neurofuzz(['replay', out, '--json', '--quiet']);
  expect(replayed.code).toBe(1);
});

test('within L2: PGD and the boundary attack keep to the limit', async () => {
  const out = join(folder, 'euclidean');
  const args = [
    '-i',
    seeds,
    '--labels',
    labels,
    '--range=0,1',
    '--l2',
    '0.3',
    '--inputs',
    '20',
    '--steps',
    '10',
  ];
  const run = ['audit-defense', plain, ...args, '--queries', '60', '-s', '1', '-o', out, '--json'];
  const { code, stdout } = await neurofuzz(run);
  expect(code).toBe(0);
  const report = JSON.parse(stdout);
  expect(report).toMatchObject({ norm: 'l2', epsilon: 0.3 });
  expect(report.attacks).toContainEqual(expect.objectContaining({ spec: 'boundary:queries=60' }));
  expect(report.findings).toBeGreaterThan(0);
  for (const path of findingFolders(out))
    expect(readJson(path, 'finding.json').distance.l2).toBeLessThanOrEqual(0.3);
});

test('a rounded input: no gradient, and straight through it the claim is refuted', async () => {
  const { code, flags, report } = await audit(maskedPath('rounded-input'), [
    '--claim',
    '0.9',
    '--against',
    plain,
  ]);
  expect(code).toBe(1);
  expect(flags).toEqual(expect.arrayContaining(['no-gradient', 'wrong-gradient', 'unbounded', 'claim']));
  expect(flags).not.toContain('nondeterministic');
  expect(report.verdict).toBe('masked');
  expect(report.adaptive.spec).toContain('gradient=straight-through');
  expect(report.adaptive.accuracy).toBeLessThanOrEqual(0.8);
  expect(report.attacks.map(({ name }: Row) => name)).toContain('against');
  expect(report.findings).toBeGreaterThan(0);
});

test('scaled logits: the cross-entropy is flat, DLR is not, and the gradient is that of the function', async () => {
  const { code, flags, report } = await audit(maskedPath('scaled-logits'));
  expect(code).toBe(1);
  expect(flags).toEqual(expect.arrayContaining(['no-gradient', 'scale']));
  expect(flags).not.toContain('wrong-gradient');
  expect(report.adaptive.spec).toContain('loss=dlr');
});

test('rounded logits: no gradient', async () => {
  const { code, flags, report } = await audit(maskedPath('rounded-logits'));
  expect(code).toBe(1);
  expect(flags).toEqual(expect.arrayContaining(['no-gradient', 'wrong-gradient']));
  expect(report.verdict).toBe('masked');
});

test('noise: random, and the gradient is not held against differences', async () => {
  const { code, flags, report } = await audit(maskedPath('noisy-input'), ['--inputs', '20', '--steps', '10']);
  expect(code).toBe(1);
  expect(flags).toContain('nondeterministic');
  expect(report.notRun).toContainEqual(expect.objectContaining({ name: 'wrong-gradient' }));
});

test('a staircase without gradients: what outputs allow', async () => {
  const { code, flags, report } = await audit(write('stairs.onnx', stairsOnnx()));
  expect(code).toBe(1);
  expect(flags).toEqual(['staircase']);
  expect(report.notRun).toContainEqual({ name: 'unbounded', why: 'there are no gradients' });
  expect(report.attacks.map(({ name }: Row) => name)).toEqual(['random', 'outputs', 'surrogate', 'adaptive']);
  expect(report.adaptive.spec).toBe('square:queries=800');
});

test('the limit of a threat model, and a time after which no check begins', async () => {
  const path = join(folder, 'campaign.yaml');
  const limits = '  goal: { kind: untargeted }\n  limits: { linf: 0.02, range: [0, 1] }\n';
  writeFileSync(path, `model: ${plain}\nseeds: ${seeds}\nlabels: ${labels}\nthreatModel:\n${limits}`);
  const args = ['audit-defense', '-c', path, '--time', '1ms', '-o', join(folder, 'timed'), '--json'];
  const { code, stdout } = await neurofuzz(args);
  expect(code).toBe(0);
  const report = JSON.parse(stdout);
  expect(report.epsilon).toBe(0.02);
  expect(report.checks).toEqual([]);
  expect(report.verdict).toBe('not judged');
  expect(report.notRun).toContainEqual({ name: 'no-gradient', why: '--time is over' });
});

test.each([
  ['knows: { model: outputs, outputs: labels }', 'labels hides scores'],
  ['limits: { valid: "sum(x) > 0" }', 'keep to no condition'],
  ['queries: { each: 100 }', 'as often as its checks need'],
  ['may: content-preserving', 'attacks of an audit are not'],
  ['knows: { model: nothing, surrogate: x.onnx }', 'an audit attacks the model itself'],
])('refuses a threat model with %s', async (block, message) => {
  const path = join(folder, 'refused.yaml');
  const threatModel = `threatModel:\n  goal: { kind: untargeted }\n  ${block}\n`;
  writeFileSync(path, `model: ${plain}\nseeds: ${seeds}\nlabels: ${labels}\n${threatModel}`);
  const { code, stderr } = await neurofuzz(['audit-defense', '-c', path]);
  expect(stderr).toContain(message);
  expect(code).toBe(2);
});

test.each([
  [['-i', 'SEEDS'], 'set --labels'],
  [['--labels', 'LABELS'], 'set --seeds'],
  [
    ['-i', 'SEEDS', '--labels', 'FEW'],
    'an audit needs 20 labelled inputs or more that the model is right on, and there are 19',
  ],
  [['-i', 'SEEDS', '--labels', 'BEYOND'], 'the label of seed 0 is 3, and the model knows 3 classes'],
  [['-i', 'SEEDS', '--labels', 'LABELS', '--linf', '0.1', '--l2', '1'], 'leave one out'],
  [['-i', 'SEEDS', '--labels', 'LABELS', '--linf', '0'], '--linf'],
  [['-i', 'SEEDS', '--labels', 'LABELS', '--claim', '92'], '--claim must be a number, above 0 and at most 1'],
  [
    ['-i', 'SEEDS', '--labels', 'LABELS', '--inputs', '19'],
    '--inputs must be a number, whole and at least 20',
  ],
])('refuses %j', async (args, message) => {
  const classes = ROWS.map(classOf);
  const list = (name: string, of: readonly number[]): string =>
    write(name, Buffer.from(of.map((label) => `${label}\n`).join('')));
  const files = new Map([
    ['SEEDS', seeds],
    ['LABELS', labels],
    [
      'FEW',
      list(
        'few.txt',
        classes.map((label, i) => (i < 19 ? label : (label + 1) % 3)),
      ),
    ],
    [
      'BEYOND',
      list(
        'beyond.txt',
        classes.map(() => 3),
      ),
    ],
  ]);
  const given = args.map((arg) => files.get(arg) ?? arg);
  const { code, stderr } = await neurofuzz(['audit-defense', plain, ...given, '-o', join(folder, 'refused')]);
  expect(code).toBe(2);
  expect(stderr).toContain(message);
  expect(
    stderr
      .trimEnd()
      .split('\n')
      .filter((line) => line.startsWith('neurofuzz:')),
  ).toHaveLength(1);
});
