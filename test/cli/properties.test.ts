import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { decodeOutputs } from '../../src/storage/finding-files.ts';
import { encodeNpy } from '../../src/tensor/npy.ts';
import { decodeNpz, encodeNpz } from '../../src/tensor/npz.ts';
import { digests, findingFolders, readJson } from '../support/campaign.ts';
import { neurofuzz } from '../support/command.ts';
import { testFolder } from '../support/folder.ts';
import {
  writeGreatestOnnx,
  writeLoopOnnx,
  writeScoreOnnx,
  writeSeeds,
  writeSoftmaxOnnx,
} from '../support/models.ts';

const folder = testFolder();
const SEEDS = ['1', '2', '3'];

let runs = 0;
const fresh = (): string => join(folder, `out-${runs++}`);

/** Runs `fuzz` and returns its JSON with the exit code and the folder. */
async function fuzz(...args: string[]) {
  const out = fresh();
  const { code, stdout, stderr } = await neurofuzz(['fuzz', ...args, '-o', out, '--json', '--quiet']);
  if (stdout === '') throw new Error(stderr);
  return {
    code,
    out,
    found: JSON.parse(stdout).findings.signatures.map((one: { signature: string }) => one.signature),
  };
}

/** Runs a planted model and its repaired twin on three master seeds, a pair of campaigns at a time. */
async function onSeeds(planted: readonly string[], twin: readonly string[]) {
  const pairs = [];
  for (const seed of SEEDS)
    pairs.push(await Promise.all([planted, twin].map((flags) => fuzz(...flags, '-s', seed, '-j', '1'))));
  return pairs;
}

const people = writeSeeds(folder, [
  [0.1, 0.2, 0.3, 0.1],
  [0.4, 0.3, 0.2, 0.3],
  [0.5, 0.5, 0.1, 0.5],
]);

describe('assert', () => {
  test('finds the broken loss and nothing on its repaired twin, three seeds', async () => {
    const [broken, repaired] = ['campaign', 'campaign-repaired'].map((name) => [
      ...['-c', `corpora/broken-loss/${name}.yaml`],
      ...['-n', '5000'],
    ]);
    for (const [planted, twin] of await onSeeds(broken, repaired)) {
      expect(planted).toMatchObject({ code: 1, found: ['assert-learns'] });
      expect(twin).toMatchObject({ code: 0, found: [] });
    }
  });

  test('reads inner tensors and inputs, climbs to what noise does not reach, and is replayed', async () => {
    const model = writeSoftmaxOnnx(folder);
    const seeds = writeSeeds(folder, [[0.1, 0.2, 0.3, 0.4]], 'one.npz');
    const property =
      'assert:name=narrow,not (max(abs(logits - 2 * x[3])) < 0.02 and probabilities[1] > 0.335)';
    const flags = [model, '-i', seeds, '--range=-4,4', '-O', property, '-s', '1', '-n', '60000', '-j', '2'];
    const { code, out, found } = await fuzz(...flags);
    expect({ code, found }).toEqual({ code: 1, found: ['assert-narrow'] });
    const [finding] = findingFolders(out);
    expect(readJson(finding, 'finding.json')).toMatchObject({
      objective: 'assert',
      reproduced: '10/10',
      violation: { tensors: ['logits', 'probabilities'] },
    });
    expect((await fuzz(...flags, '--guidance', 'none')).found).toEqual([]);
    expect((await neurofuzz(['replay', out])).stdout).toMatch(/^still broken 10\/10 {2}assert-narrow/);
  });
});

describe('metamorphic', () => {
  const spec = 'metamorphic:name=income,rises=1,raise:column=3,least=0.02,most=0.1';

  test('finds the income that lowers a score, and none on the twin, three seeds', async () => {
    const flags = ['-i', people, '--range', '0,1', '-O', spec, '-n', '2000'];
    const [broken, repaired] = [true, false].map((isPlanted) => [
      writeScoreOnnx(folder, isPlanted),
      ...flags,
    ]);
    let last = '';
    for (const [planted, twin] of await onSeeds(broken, repaired)) {
      expect(planted).toMatchObject({ code: 1, found: ['metamorphic-income-score'] });
      expect(twin).toMatchObject({ code: 0, found: [] });
      [last] = findingFolders(planted.out);
      const [own, changed] = ['input.npz', 'changed.npz'].map((name) =>
        Number(decodeNpz(readFileSync(join(last, name)), name).get('x')?.data[3]),
      );
      expect(changed - own).toBeGreaterThan(0);
      const path = join(last, 'outputs.npz');
      const { reference, second } = decodeOutputs(readFileSync(path), path);
      expect(Number(second[0].data[0])).toBeLessThan(Number(reference[0].data[0]));
    }
    expect((await neurofuzz(['replay', last])).stdout).toMatch(/^still broken 10\/10/);
  });

  test('finds the same whatever the cores are', async () => {
    const flags = [writeScoreOnnx(folder, true), '-i', people, '--range', '0,1', '-O', spec, 'nonfinite'];
    const [one, two] = await Promise.all(
      ['1', '3'].map((jobs) => fuzz(...flags, '-s', 'a', '-n', '3000', '-j', jobs)),
    );
    expect(digests(one.out, 'corpus', 'findings')).toEqual(digests(two.out, 'corpus', 'findings'));
  });
});

describe('misclassified', () => {
  const digits = [
    [0.9, 0.2, 0.3, 0.1],
    [0.1, 0.9, 0.2, 0.3],
    [0.1, 0.2, 0.1, 0.9],
    [0.7, 0.2, 0.1, 0.3],
  ];
  const seeds = writeSeeds(folder, digits, 'digits.npz');
  const labels = join(folder, 'labels.npy');
  writeFileSync(labels, encodeNpy({ type: 'int64', shape: [4], data: BigInt64Array.of(0n, 1n, 3n, 2n) }));
  const flags = [
    '-i',
    seeds,
    '--labels',
    labels,
    '--range',
    '0,1',
    '--linf',
    '0.1',
    '-O',
    'misclassified',
    '-n',
    '3000',
  ];

  test('is found around seeds that were right, and not on the twin, three seeds', async () => {
    const [broken, repaired] = [true, false].map((isPlanted) => [
      writeGreatestOnnx(folder, isPlanted),
      ...flags,
    ]);
    let last = '';
    for (const [planted, twin] of await onSeeds(broken, repaired)) {
      expect(planted).toMatchObject({ code: 1, found: ['misclassified-logits'] });
      expect(twin).toMatchObject({ code: 0, found: [] });
      [last] = findingFolders(planted.out);
      expect(readJson(last, 'finding.json')).toMatchObject({ label: 0 });
    }
    expect((await neurofuzz(['replay', last])).stdout).toMatch(/^still broken 10\/10/);
  });

  test('leaves out seeds that are wrong from the start, and says how many', async () => {
    const { stderr, code } = await neurofuzz([
      'fuzz',
      writeGreatestOnnx(folder, false),
      ...flags,
      '-o',
      fresh(),
    ]);
    expect(code).toBe(0);
    expect(stderr).toMatch(/1 of 4 seeds are misclassified before any mutation and are left out/);
  });

  test('takes labels from folders and from a column', async () => {
    const model = writeGreatestOnnx(folder, true);
    const home = join(folder, 'by-class');
    digits.slice(0, 3).forEach((values, i) => {
      const inner = join(home, String([0, 1, 3][i]));
      mkdirSync(inner, { recursive: true });
      writeFileSync(
        join(inner, 'a.npy'),
        encodeNpy({ type: 'float32', shape: [4], data: Float32Array.from(values) }),
      );
    });
    const common = ['--range', '0,1', '--linf', '0.1', '-O', 'misclassified', '-n', '2000', '-s', '1'];
    expect(await fuzz(model, '-i', home, '--labels', 'folders', ...common)).toMatchObject({ code: 1 });
    const table = join(folder, 'table.npy');
    const rows = digits.map((values, i) => [[0, 1, 3, 0][i], ...values]);
    writeFileSync(table, encodeNpy({ type: 'float32', shape: [4, 5], data: Float32Array.from(rows.flat()) }));
    const found = await fuzz(model, '-i', table, '--labels', 'column=0', ...common);
    expect(found).toMatchObject({ code: 1, found: ['misclassified-logits'] });
  });
});

describe('slow', () => {
  const seeds = join(folder, 'ids.npz');
  writeFileSync(
    seeds,
    encodeNpz([
      ['x', { type: 'int64', shape: [2, 4], data: BigInt64Array.of(1n, 2n, 3n, 4n, 4n, 3n, 2n, 1n) }],
    ]),
  );
  // A number of trips that takes many times a run without, on any machine.
  const flags = [
    '-i',
    seeds,
    '--range',
    '0,100',
    '-O',
    'slow',
    '-n',
    '80',
    '-m',
    'values',
    '--keep',
    '1',
    '--threshold',
    '1',
  ];

  test.each(SEEDS)(
    'finds the loop that the input makes long, and none on the twin, seed %s',
    async (seed) => {
      const planted = await fuzz(writeLoopOnnx(folder, 90, 'slow.onnx', 6_000n), ...flags, '-s', seed);
      expect(planted).toMatchObject({ code: 1, found: ['slow'] });
      expect(readdirSync(join(planted.out, 'findings'))).toEqual(['unrepeatable']);
      const [finding] = findingFolders(planted.out);
      expect(readJson(finding, 'finding.json').reproduced).toMatch(/\/10$/);
      expect(existsSync(join(finding, 'reference.npz'))).toBe(true);
      const twin = await fuzz(writeLoopOnnx(folder, 90, 'even.onnx', 1n), ...flags, '-s', seed);
      expect(twin).toMatchObject({ code: 0 });
    },
  );
});

test('two changes of one testcase are confirmed each by its own', async () => {
  const out = await fuzz(
    ...[writeScoreOnnx(folder, true), '-i', people, '--range', '0,1', '-s', '1', '-n', '2000', '--keep', '2'],
    ...['-O', 'metamorphic:name=up,rises=1,raise:column=3,least=0.02,most=0.1'],
    'metamorphic:name=down,falls=1,raise:column=3,least=-0.1,most=-0.02',
  );
  expect([...out.found].sort()).toEqual(['metamorphic-down-score', 'metamorphic-up-score']);
  for (const finding of findingFolders(out.out)) {
    const [own, changed] = ['input.npz', 'changed.npz'].map((name) =>
      Number(decodeNpz(readFileSync(join(finding, name)), name).get('x')?.data[3]),
    );
    const { signature, status } = readJson(finding, 'finding.json');
    expect(status).toBe('confirmed');
    expect(Math.sign(changed - own)).toBe(signature === 'metamorphic-up-score' ? 1 : -1);
  }
  const { stdout } = await neurofuzz(['replay', out.out]);
  expect(stdout.trim().split('\n')).toHaveLength(4);
  for (const line of stdout.trim().split('\n')) expect(line).toMatch(/^still broken 10\/10/);
});

test('several objectives share the runs of the model', async () => {
  const model = writeScoreOnnx(folder, true);
  const { found } = await fuzz(
    model,
    ...['-i', people, '--range', '0,1', '-s', '1', '-n', '6000'],
    ...['-O', 'nonfinite', 'assert:name=low,score < 2.2', 'assert:name=high,score > 0.01'],
    'metamorphic:name=income,rises=1,raise:column=3,least=0.02,most=0.1',
  );
  expect([...found].sort()).toEqual(['assert-high', 'assert-low', 'metamorphic-income-score']);
});

describe('is refused', () => {
  const model = writeSoftmaxOnnx(folder, 'small.onnx');
  const seeds = writeSeeds(folder, [[0.1, 0.2, 0.3, 0.4]], 'small.npz');
  const labels = join(folder, 'two.txt');
  writeFileSync(labels, '0\n1\n');
  const label9 = join(folder, 'nine.txt');
  writeFileSync(label9, '9\n');
  const half = join(folder, 'half.txt');
  writeFileSync(half, '0.5\n');

  const REFUSED: readonly (readonly [readonly string[], RegExp])[] = [
    [
      ['-O', 'assert:max(logits) <'],
      /--objective: assert: expected expression after < at character 14, here: max\(logits\) <»/,
    ],
    [
      ['-O', 'assert:logit < 3'],
      /assert-logit-\w+: the model has no input and no tensor logit: did you mean logits\?/,
    ],
    [
      ['-O', 'assert:logits + x < 3'],
      /shapes don't broadcast in logits \+ x: logits is 3 for each testcase and x 4/,
    ],
    [['-O', 'assert:x < 3', 'assert:x < 3 '], /two objectives are called assert-x-/],
    [['-O', 'max(abs(x)) < 3'], /write assert: before the expression, as in 'assert:max\(abs\(x\)\) < 3'/],
    [['-O', 'assert'], /assert: write the condition that must hold, such as assert:max/],
    [['-O', 'metamorphic:brightnes'], /unknown mutator brightnes: did you mean brightness\?/],
    [['-O', 'metamorphic:brightness'], /brightness fits no input of the model/],
    [['-O', 'metamorphic:splice'], /splice needs a second testcase/],
    [['-O', 'metamorphic:numbers'], /numbers is a group of several mutators/],
    [['-O', 'misclassified', '--linf', '0.1'], /misclassified needs the class of each seed: set --labels/],
    [['-O', 'misclassified', '--labels', labels], /needs a constraint within which a seed keeps its class/],
    [
      ['-O', 'misclassified', '--labels', labels, '--linf', '1'],
      /two\.txt holds 2 labels and there are 1 seeds/,
    ],
    [
      ['-O', 'misclassified', '--labels', label9, '--linf', '1'],
      /knows 3 classes from probabilities, and a label says 9/,
    ],
    [
      ['-O', 'misclassified', '--labels', half, '--linf', '1'],
      /label 0 is 0\.5; labels are numbers of classes/,
    ],
    [['-O', 'misclassified', '--labels', 'none.npy', '--linf', '1'], /none\.npy: no such file/],
    [
      ['-O', 'misclassified', '--labels', 'column', '--linf', '1'],
      /has 4 columns; the model takes 4, so 5 are needed/,
    ],
    [['-O', 'misclassified', '--labels', 'column=x', '--linf', '1'], /column must be a whole number/],
    [['--labels', labels], /no objective uses it/],
    [['-O', 'slow', '--batch', '4'], /slow times each testcase separately: remove --batch/],
  ];

  test('what makes no sense, with one line that says what, before anything is written', async () => {
    const check = async ([flags, message]: (typeof REFUSED)[number]): Promise<void> => {
      const out = fresh();
      const whole = ['fuzz', model, '-i', seeds, ...flags, '--range=0,1', '-n', '100', '-o', out];
      const { code, stderr } = await neurofuzz(whole);
      const errors = stderr.split('\n').filter((line) => line.startsWith('neurofuzz: '));
      expect({ flags, code, lines: errors.length }).toEqual({ flags, code: 2, lines: 1 });
      expect(errors[0]).toMatch(message);
      expect(existsSync(out)).toBe(false);
    };
    for (let from = 0; from < REFUSED.length; from += 3)
      await Promise.all(REFUSED.slice(from, from + 3).map(check));
  });
});
