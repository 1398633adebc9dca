import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from '@jest/globals';
import { OnnxBuilder } from '../../src/model/formats/onnx/builder.ts';
import { encodeNpy } from '../../src/tensor/npy.ts';
import { decodeNpz, encodeNpz } from '../../src/tensor/npz.ts';
import { digests, findingFolders, readJson } from '../support/campaign.ts';
import { neurofuzz } from '../support/command.ts';
import { contestIn } from '../support/contest.ts';
import { testFolder } from '../support/folder.ts';
import { WEIGHTS, writeSeeds, writeSoftmaxOnnx, writeSureOnnx } from '../support/models.ts';

const folder = testFolder();
const model = writeSoftmaxOnnx(folder);
const DIGITS = 'corpora/quantized-digits/digits.onnx';
const ROWS = Array.from({ length: 12 }, (_, i) => [0, 1, 2, 3].map((j) => ((7 * i + 5 * j) % 20) / 20));
const seeds = writeSeeds(folder, ROWS);

/** The class that the small network predicts. */
function classOf(row: readonly number[]): number {
  const logits = [0, 1, 2].map((k) => row.reduce((sum, value, j) => sum + value * WEIGHTS[3 * j + k], 0));
  return logits.indexOf(Math.max(...logits));
}

const right = labelsFile('right.txt', ROWS.map(classOf));
let digitSeeds: string;
let digitLabels: string;

function labelsFile(name: string, labels: readonly number[]): string {
  const path = join(folder, name);
  writeFileSync(path, labels.map((label) => `${label}\n`).join(''));
  return path;
}

const contest = contestIn(folder);

beforeAll(() => {
  const seedFile = 'corpora/quantized-digits/seeds.npz';
  const [[name, tensor]] = decodeNpz(readFileSync(seedFile), seedFile);
  const size = tensor.data.length / tensor.shape[0];
  const shape = [12, ...tensor.shape.slice(1)];
  digitSeeds = join(folder, 'digits.npz');
  writeFileSync(
    digitSeeds,
    encodeNpz([[name, { ...tensor, shape, data: tensor.data.slice(0, 12 * size) as Float32Array }]]),
  );
  digitLabels = labelsFile(
    'digits.txt',
    Array.from({ length: 12 }, (_, i) => i % 10),
  );
});

test('compares the logits in front of the softmax, and keeps every confident mistake as a finding', async () => {
  const near = ['--range=0,1', '--attack', 'square:linf=0.4,queries=200', '-j', '1'];
  const { code, report, out } = await contest([model, '-i', seeds, '--labels', right, ...near]);
  expect(code).toBe(1);
  expect(report).toMatchObject({ formatVersion: 1, inputs: 12, logits: 'logits', isCalibrated: true });
  const [clean, square] = report.attacks;
  expect(clean).toMatchObject({ attack: 'clean', accuracyAtAll: 1, confidentMistakes: 0, queriesMedian: 1 });
  expect(square.confidentMistakes).toBeGreaterThan(0);
  expect(square.curve).toHaveLength(100);
  expect(report.worst.confidentMistakes).toBe(square.confidentMistakes);
  const found = findingFolders(out);
  expect(found).toHaveLength(square.confidentMistakes);
  for (const path of found) {
    const finding = readJson(path, 'finding.json');
    expect(finding).toMatchObject({
      signature: 'confident-error-square-linf-0.4-queries-200',
      reproduced: '10/10',
      generation: 1,
      mutators: ['x:square-linf-0.4-queries-200'],
    });
    expect(finding.distance.linf).toBeLessThanOrEqual(0.4);
    // By the weights, without the product's code: wrong, and at least as sure as the threshold.
    const [[, { data }]] = decodeNpz(readFileSync(join(path, 'input.npz')), path);
    const row = Array.from(data, Number);
    expect(row.every((value) => value >= 0 && value <= 1)).toBe(true);
    expect(classOf(row)).not.toBe(finding.label);
    const logits = [0, 1, 2].map((k) => row.reduce((sum, value, j) => sum + value * WEIGHTS[3 * j + k], 0));
    expect(Math.max(...logits)).toBeGreaterThanOrEqual(report.threshold - 1e-5);
  }
  const replayed = await neurofuzz(['replay', out, '--json', '--quiet']);
  expect(replayed.code).toBe(1);
  const triaged = await neurofuzz(['triage', out]);
  expect(triaged.stdout).toMatch(/confident-error-square.*10\/10/);
});

test('gives the same table and the same bytes on any number of workers', async () => {
  const args = [DIGITS, '-i', digitSeeds, '--labels', digitLabels, '--range=-1,1', '--queries', '40'];
  const [single, double] = [await contest([...args, '-j', '1']), await contest([...args, '-j', '2'])];
  expect(double.report).toEqual({ ...single.report, campaign: double.out });
  expect(digests(double.out, 'findings', 'corpus')).toEqual(digests(single.out, 'findings', 'corpus'));
  expect(single.report.attacks.map(({ attack }: { attack: string }) => attack)).toEqual([
    'clean',
    'spatial',
    'corruptions',
    'square',
    'boundary',
    'pgd',
  ]);
  expect(findingFolders(single.out).length).toBe(single.report.findings);
});

test('leaves pgd out where the model has no gradient, and refuses it where it is asked for', async () => {
  const graph = new OnnxBuilder();
  const signs = graph.node('Sign', [graph.input('x', 'float32', ['batch', 4])], 'signs');
  graph.node('MatMul', [signs, graph.constant('w', 'float32', [4, 3], WEIGHTS)], 'scores');
  graph.output('scores', 'float32', ['batch', 3]);
  const flat = join(folder, 'flat.onnx');
  writeFileSync(flat, graph.finish('flat'));
  const args = [flat, '-i', seeds, '--labels', right, '--range=0,1'];
  const { report } = await contest([...args, '--queries', '5']);
  expect(report.attacks.map(({ attack }: { attack: string }) => attack)).not.toContain('pgd');
  const refused = await contest([...args, '--attack', 'pgd:steps=5']);
  expect(refused.code).toBe(2);
  expect(refused.stderr).toMatch(
    /^[^\n]*pgd needs gradients \(scores does not depend[^\n]*name square[^\n]*\n$/,
  );
});

test('the attack fuzz is a campaign on the inputs, with the queries of all of them', async () => {
  const args = [model, '-i', seeds, '--labels', right, '--range=0,1', '--attack', 'fuzz:linf=0.3'];
  const [single, double] = [
    await contest([...args, '--queries', '100', '-j', '1']),
    await contest([...args, '--queries', '100', '-j', '2']),
  ];
  const [clean, fuzz] = single.report.attacks;
  expect(clean.confidentMistakes).toBe(0);
  expect(fuzz.confidentMistakes).toBeGreaterThan(0);
  expect(fuzz.queriesMedian).toBeLessThan(12 * 100);
  expect(double.report).toEqual({ ...single.report, campaign: double.out });
  for (const path of findingFolders(single.out)) {
    const finding = readJson(path, 'finding.json');
    expect(finding).toMatchObject({ signature: 'confident-error-fuzz-linf-0.3', reproduced: '10/10' });
    expect(finding.distance.linf).toBeLessThanOrEqual(0.3);
  }
});

test('fuzz takes the threshold of a coverage from the seeds, and keeps it when it is resumed', async () => {
  const { report } = await contest([
    model,
    '-i',
    seeds,
    '--labels',
    right,
    '--range=0,1',
    '--attack',
    'clean',
  ]);
  const out = join(folder, 'covered');
  const args = ['fuzz', model, '-i', seeds, '--labels', right, '--range=0,1', '--linf', '0.3', '-o', out];
  const objective = ['--objective', 'confident-error:coverage=0.8', '-s', '1', '-j', '1', '--quiet'];
  const first = await neurofuzz([...args, ...objective, '-n', '500']);
  expect(first.code).toBe(1);
  const spec = `confident-error:coverage=0.8,threshold=${report.threshold},logits=logits`;
  expect(readFileSync(join(out, 'campaign.yaml'), 'utf8')).toContain(spec);
  const resumed = await neurofuzz([...args, ...objective, '-n', '1000', '--resume']);
  expect([resumed.code, resumed.stderr]).toEqual([1, '']);
  expect(readFileSync(join(out, 'campaign.yaml'), 'utf8')).toContain(spec);
  const found = findingFolders(out);
  expect(found.length).toBeGreaterThan(0);
  for (const path of found)
    expect(readJson(path, 'finding.json').violation.details).toMatchObject({ threshold: report.threshold });
  expect((await neurofuzz(['replay', out, '--quiet'])).code).toBe(1);
});

test('exits with 0 where no more inputs than --allow have a confident mistake', async () => {
  const args = [model, '-i', seeds, '--labels', right, '--range=0,1'];
  const page = join(folder, 'contest.html');
  const robust = await contest([...args, '--attack', 'square:linf=0', '--html', page]);
  const html = readFileSync(page, 'utf8');
  expect(html.match(/class="curve"/g)).toHaveLength(3);
  expect(html).toContain('<td class="word">square:linf=0</td><td class="number">1</td>');
  expect(robust.code).toBe(0);
  expect(robust.report.findings).toBe(0);
  const none = await contest([...args, '--threshold', '50', '--attack', 'square:linf=1,queries=20']);
  expect(none).toMatchObject({ code: 0, report: { isCalibrated: false, worst: { coverage: 0 } } });
  const allowed = await contest([...args, '--attack', 'square:linf=1,queries=100', '--allow', '12']);
  expect(allowed.code).toBe(0);
  expect(allowed.report.worst.confidentMistakes).toBeGreaterThan(0);
});

test('--confidence takes an output of the model: the largest logit is that of max-logit', async () => {
  const sure = writeSureOnnx(folder);
  const args = [
    sure,
    '-i',
    seeds,
    '--labels',
    right,
    '--range=0,1',
    '--attack',
    'square:linf=0.4,queries=50',
  ];
  const named = await contest([...args, '--confidence', 'sure']);
  const usual = await contest(args);
  expect(named.report).toMatchObject({ confidence: 'sure', threshold: usual.report.threshold });
  expect(named.report.attacks).toEqual(usual.report.attacks);
  expect(named.report.findings).toBe(usual.report.findings);
  expect(named.report.findings).toBeGreaterThan(0);
});

test('--combine moves pictures before square, and --l2 limits boundary', async () => {
  const args = [DIGITS, '-i', digitSeeds, '--labels', digitLabels, '--range=-1,1', '--queries', '30'];
  const attacks = ['--attack', 'square:linf=0', 'spatial:valid=sum(abs(image)) > 1e9'];
  const moved = await contest([...args, ...attacks, '--combine', 'random-spatial']);
  const [clean, square, spatial] = moved.report.attacks;
  expect(square.accuracyAtAll).toBeLessThan(clean.accuracyAtAll);
  // No picture is valid: the model was asked nothing.
  expect(spatial.queriesMedian).toBe(0);
  const refused = await contest([...args, '--attack', 'clean', '--combine', 'random-spatial']);
  expect(refused.stderr).toContain('--combine changes none of these attacks');
  const both = await contest([...args, '--linf', '0.1', '--combine', 'random-spatial']);
  expect(both.stderr).toContain('--combine moves pictures further than --linf allows');
  const wrong = await contest([...args, '--attack', 'spatial:valid=sum(logitz) > 1']);
  expect([wrong.code, wrong.stderr]).toEqual([
    2,
    expect.stringContaining('spatial:valid: logitz is not an input'),
  ]);
  const { out } = await contest([
    ...args,
    '--attack',
    'boundary:queries=100',
    '--l2',
    '3',
    '--coverage',
    '1',
  ]);
  for (const path of findingFolders(out))
    expect(readJson(path, 'finding.json').distance.l2).toBeLessThanOrEqual(3);
});

test('values that --fixed or table names stay, and columns of whole numbers hold some', async () => {
  const rows = ROWS.map((row) => row.map((value, j) => (j === 1 ? Math.round(4 * value) : value)));
  const table = writeSeeds(folder, rows, 'table.npz');
  const mask = join(folder, 'mask.npy');
  writeFileSync(mask, encodeNpy({ type: 'uint8', shape: [4], data: Uint8Array.of(1, 0, 0, 0) }));
  const labels = labelsFile('table.txt', rows.map(classOf));
  const file = join(folder, 'columns.yaml');
  const columns = ['range', 'integer', 'range', 'fixed'].map((kind) => `  - { kind: ${kind} }\n`);
  writeFileSync(file, `model: ${model}\ntable:\n${columns.join('')}`);
  const { report, out } = await contest([
    '--config',
    file,
    '-i',
    table,
    '--labels',
    labels,
    '--range=0,4',
    '--fixed',
    mask,
    '--attack',
    'square:linf=0.5,queries=200',
    'boundary:queries=100',
  ]);
  const found = findingFolders(out);
  expect(found.length).toBeGreaterThan(0);
  expect(found).toHaveLength(report.findings);
  for (const path of found) {
    const { ancestor } = readJson(path, 'finding.json');
    const [values, seed] = [join(path, 'input.npz'), join(out, 'corpus', `${ancestor}.npz`)].map((file) => {
      const [[, { data }]] = decodeNpz(readFileSync(file), file);
      return Array.from(data, Number);
    });
    expect([values[0], values[3]]).toEqual([seed[0], seed[3]]);
    expect(Number.isInteger(values[1])).toBe(true);
  }
});

test('a seed that is wrong and sure is a finding of clean alone', async () => {
  const wrong = labelsFile(
    'wrong.txt',
    ROWS.map((row) => (classOf(row) + 1) % 3),
  );
  const { report, out } = await contest([
    model,
    '-i',
    seeds,
    '--labels',
    wrong,
    '--range=0,1',
    '--attack',
    'square:linf=0',
  ]);
  expect(report.attacks[0]).toMatchObject({ accuracyAtAll: 0, coverage: report.attacks[1].coverage });
  const found = findingFolders(out);
  expect(found).toHaveLength(report.attacks[0].confidentMistakes);
  for (const path of found)
    expect(readJson(path, 'finding.json')).toMatchObject({
      signature: 'confident-error-clean',
      generation: 0,
    });
});

test.each([
  [['-i', 'SEEDS'], 'set --labels'],
  [['--labels', 'RIGHT'], 'set --seeds'],
  [['-i', 'SEEDS', '--labels', 'RIGHT', '--inputs', '9'], 'a contest needs 10 labelled inputs'],
  [['-i', 'SEEDS', '--labels', 'BEYOND'], 'the label of seed 0 is 3, and the model knows 3 classes'],
  [
    ['-i', 'SEEDS', '--labels', 'RIGHT', '--attack', 'spatial'],
    'spatial is for pictures, and input x takes none',
  ],
  [['-i', 'SEEDS', '--labels', 'RIGHT', '--attack', 'squares'], 'did you mean square'],
  [
    ['-i', 'SEEDS', '--labels', 'RIGHT', '--combine', 'random-spatial'],
    '--combine: random-spatial moves pictures, and input x takes none',
  ],
  [
    ['-i', 'SEEDS', '--labels', 'RIGHT', '--confidence', 'margn'],
    '--confidence must be max-logit, margin or an output with one value per row, not margn: did you mean margin?',
  ],
  [
    ['-i', 'SEEDS', '--labels', 'RIGHT', '--coverage', '1.2'],
    '--coverage must be a number, above 0 and at most 1',
  ],
  [
    ['-i', 'SEEDS', '--labels', 'RIGHT', '--queries', '0'],
    '--queries must be a number, whole and at least 1',
  ],
])('refuses %j', async (args, message) => {
  const beyond = labelsFile(
    'beyond.txt',
    ROWS.map(() => 3),
  );
  const files = new Map([
    ['SEEDS', seeds],
    ['RIGHT', right],
    ['BEYOND', beyond],
  ]);
  const { code, stderr } = await contest([model, ...args.map((arg) => files.get(arg) ?? arg)]);
  expect(code).toBe(2);
  expect(stderr).toContain(message);
});
