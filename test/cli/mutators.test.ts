import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { OnnxBuilder } from '../../src/model/formats/onnx/builder.ts';
import { encodeNpy } from '../../src/tensor/npy.ts';
import { decodeNpz } from '../../src/tensor/npz.ts';
import { readNumber } from '../../src/tensor/tensor.ts';
import { digests, readJson } from '../support/campaign.ts';
import { neurofuzz, neurofuzzProcess } from '../support/command.ts';
import { testFolder } from '../support/folder.ts';
import { writeSeeds, writeSoftmaxOnnx } from '../support/models.ts';

const folder = testFolder();
let model: string;
let seeds: string;
let runs = 0;

/** Tokens that the model looks up; their letters are [, ], a to j and space. */
const VOCABULARY = ['[CLS]', '[SEP]', ...'abcdefghij '];

beforeAll(() => {
  model = writeSoftmaxOnnx(folder);
  seeds = writeSeeds(folder, [
    [0.1, 0.2, 0.3, 0.4],
    [0.4, 0.3, 0.2, 0.1],
  ]);
});

/** How a command is run; one that loads a plug-in has a process of its own. */
type Run = typeof neurofuzz;

async function refused(args: readonly string[], word: RegExp, run: Run = neurofuzz): Promise<void> {
  const out = join(folder, `out-${runs++}`);
  const { code, stderr } = await run(['fuzz', ...args, '--out', out, '--execs', '100', '--quiet']);
  expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringMatching(/^neurofuzz: [^\n]+\n$/) });
  expect(stderr).toMatch(word);
  expect(existsSync(out)).toBe(false);
}

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

function npy(name: string, rows: readonly (readonly number[])[]): string {
  const data = Float32Array.from(rows.flat());
  return file(name, encodeNpy({ type: 'float32', shape: [rows.length, rows[0].length], data }));
}

/** Runs a campaign; its stats, and the values of every entry of its corpus. */
async function campaign(name: string, args: readonly string[], run: Run = neurofuzz) {
  const out = join(folder, name);
  const ran = await run(['fuzz', ...args, '--out', out, '--exit-zero', '--log-level', 'warn']);
  expect({ code: ran.code, stdout: ran.stdout === '' }).toEqual({ code: 0, stdout: false });
  const lines = readFileSync(join(out, 'corpus', 'journal.jsonl'), 'utf8')
    .trim()
    .split('\n');
  const entries = lines.map((line) => JSON.parse(line));
  const valuesOf = (id: string, input: string): number[] => {
    const tensor = decodeNpz(readFileSync(join(out, 'corpus', `${id}.npz`)), id).get(input);
    if (tensor === undefined) throw new Error(`${id} has no ${input}`);
    return Array.from({ length: tensor.data.length }, (_, i) => readNumber(tensor.type, tensor.data, i));
  };
  return { out, ran, entries, valuesOf, stats: readJson(out, 'stats.json') };
}

/** Looks up letters, adds them up to a logit each: nothing goes wrong, whatever is written. */
function writeTextModel(name = 'text.onnx'): string {
  const graph = new OnnxBuilder();
  const tokens = graph.input('tokens', 'int64', ['batch', 'length']);
  const mask = graph.input('mask', 'int64', ['batch', 'length']);
  const table = Float32Array.from({ length: VOCABULARY.length * 4 }, (_, i) => Math.sin(3 * i));
  const letters = graph.constant('table', 'float32', [VOCABULARY.length, 4], table);
  graph.node('Gather', [letters, tokens], 'looked');
  graph.node('Cast', [mask], 'shown', { to: 1 });
  const two = graph.constant('two', 'int64', [1], BigInt64Array.of(2n));
  graph.node('Unsqueeze', ['shown', two], 'shown3');
  graph.node('Mul', ['looked', 'shown3'], 'seen');
  const one = graph.constant('one', 'int64', [1], BigInt64Array.of(1n));
  graph.node('ReduceSum', ['seen', one], 'logits', { keepdims: 0 });
  graph.node('Softmax', ['logits'], 'probabilities', { axis: 1 });
  graph.output('probabilities', 'float32', ['batch', 4]);
  return file(name, graph.finish('text'));
}

describe('neurofuzz mutators', () => {
  test('lists every group with parameters and sources', async () => {
    const { code, stdout } = await neurofuzzProcess(['mutators']);
    expect(code).toBe(0);
    for (const word of ['gaussian', 'sigma=0.1', 'TensorFuzz', 'jpeg', 'ImageNet-C', 'keyboard', 'column'])
      expect(stdout).toContain(word);
    const short = await neurofuzz(['mutators', 'text']);
    expect(short.stdout).toContain('homoglyph');
    expect(short.stdout).not.toContain('gaussian');
  });

  test('says the same as JSON, also of a plug-in', async () => {
    const { mutators, groups } = JSON.parse((await neurofuzz(['mutators', '--json'])).stdout);
    expect(mutators.length).toBeGreaterThan(45);
    expect(groups.map(({ name }: { readonly name: string }) => name)).toContain('corruptions');
    expect(mutators[0]).toMatchObject({
      name: 'gaussian',
      domains: ['numbers'],
      parameters: [{ default: 0.1 }],
    });
    const own = JSON.parse((await neurofuzzProcess(['mutators', './examples/wave.js', '--json'])).stdout);
    expect(own.mutators).toEqual([expect.objectContaining({ name: 'wave', domains: ['numbers'] })]);
  });

  test('refuses a name that is none', async () => {
    const { code, stderr } = await neurofuzz(['mutators', 'gausian']);
    expect(code).toBe(2);
    expect(stderr).toMatch(/unknown mutator gausian: did you mean gaussian\?/);
  });
});

describe('what makes no sense is refused:', () => {
  test('a mutator for pictures on an input that is none', () =>
    refused([model, '-i', seeds, '-m', 'x=rotate'], /rotate is for images, and input x is numbers/));

  test('the same where it is asked for all inputs', () =>
    refused(
      [model, '-i', seeds, '-m', 'gaussian', 'rotate'],
      /rotate is for images, and input x is numbers/,
    ));

  test('a group of which nothing fits', () =>
    refused([model, '-i', seeds, '-m', 'images'], /no given mutator fits x/));

  test('a mask of another shape', () =>
    refused(
      [model, '-i', seeds, '--fixed', npy('mask3.npy', [[1, 0, 1]])],
      /mask3\.npy is a mask of 1×3; input x takes 4/,
    ));

  test('an alpha of 2', () =>
    refused([model, '-i', seeds, '--deephunter', '2,0.2'], /--deephunter alpha must be at most 1/));

  test('geometric mutators alone, of which the rule allows one', () =>
    refused(
      [
        'corpora/nan-digits/nan-digits.onnx',
        ...['-i', 'corpora/nan-digits/seeds.npz', '-m', 'label=none', 'image=rotate', 'image=zoom'],
        '--deephunter',
      ],
      /--deephunter allows one geometric change, and input image has no other mutator/,
    ));

  test('one number as a rule', () => refused([model, '-i', seeds, '--deephunter', '0.2'], /give alpha,beta/));

  test('a dictionary that is binary', () =>
    refused(
      [
        writeTextModel(),
        '-i',
        npy('ids.npy', [[2, 3]]),
        '--dictionary',
        file('dict.bin', Uint8Array.of(0, 159, 146, 150)),
      ],
      /dict\.bin is binary/,
    ));

  test('a dictionary where nothing takes tokens', () =>
    refused(
      [model, '-i', seeds, '--dictionary', file('words.txt', 'one\n')],
      /no input of the model takes tokens/,
    ));

  test('a category outside its column', () =>
    refused(
      [
        '-c',
        file(
          'category.yaml',
          `model: ${model}\nseeds: ${seeds}\ntable: { x: [{ kind: category, values: [0, 5], range: [0, 3] }, { kind: range }, { kind: range }, { kind: range }] }\n`,
        ),
      ],
      /category 5 lies outside column 0 of input x, which goes from 0 to 3/,
    ));

  test('too few columns', () =>
    refused(
      ['-c', file('few.yaml', `model: ${model}\nseeds: ${seeds}\ntable: { x: [{ kind: range }] }\n`)],
      /input x has 4 columns, and 1 are listed/,
    ));

  test('edits of numbers', () => refused([model, '-i', seeds, '--edits', '2'], /no input of tokens/));

  test('distances below nothing', async () => {
    await refused([model, '-i', seeds, '--l2=-1'], /--l2 must be above 0/);
    await refused([model, '-i', seeds, '--l0', '1.5'], /--l0 must be a whole number/);
  });

  test.each([
    ['export const x = 1;', /has no mutator as its default export/],
    ['export default { name: "Bad name" };', /needs a name of lower-case letters/],
    [
      'export default { name: "own", make() {}, domains: ["pictures"], parameters: [] };',
      /needs domains out of/,
    ],
    ['throw new Error("no luck");', /cannot be loaded: no luck/],
    [
      'export default { name: "own", domains: ["numbers"], parameters: [], make: () => ({ mutate() { throw new Error("no luck"); } }) };',
      /plug-in .*fails: no luck/,
    ],
  ])('a plug-in %j', (text, message) =>
    refused([model, '-i', seeds, '-m', file(`plugin-${runs}.mjs`, text)], message, neurofuzzProcess),
  );
});

test('a seed that breaks a constraint is named and left out', async () => {
  const path = npy('categories.npy', [
    [0, 0.5, 1, 2],
    [1, 0.25, 3, 4],
    [7, 0.75, 5, 6],
  ]);
  const settings = `model: ${model}\nseeds: ${path}\nexecs: 200\nseed: s\ntable: { x: [{ kind: category, values: [0, 1] }, { kind: range }, { kind: integer }, { kind: fixed }] }\n`;
  const { ran, entries, valuesOf } = await campaign('left-out', ['-c', file('left-out.yaml', settings)]);
  expect(ran.stderr).toMatch(
    /1 of 3 seeds break a constraint and are left out: seed 2 has 7 in column 0 of input x/,
  );
  expect(entries.filter(({ parent }) => parent === null).length).toBe(2);
  const fixed = new Map(entries.map(({ id }) => [id, valuesOf(id, 'x')[3]]));
  for (const { id, ancestor } of entries) {
    const [category, , whole, stays] = valuesOf(id, 'x');
    expect([0, 1]).toContain(category);
    expect(Number.isInteger(whole)).toBe(true);
    expect(stays).toBe(fixed.get(ancestor));
  }
});

test('columns are told by the seeds, and every mutator keeps to them', async () => {
  const rows = Array.from({ length: 40 }, (_, i) => [i % 2, 20 + ((i * 7) % 50), Math.sin(i), 3]);
  const args = [model, '-i', npy('table.npy', rows), '-m', 'all', '-n', '3000', '-s', '1', '-j', '1'];
  const { entries, valuesOf, stats, out } = await campaign('table', args);
  expect(entries.length).toBeGreaterThan(45);
  for (const { id } of entries) {
    const [flag, whole, , fixed] = valuesOf(id, 'x');
    expect([0, 1]).toContain(flag);
    expect(Number.isInteger(whole) && whole >= 20 && whole <= 69).toBe(true);
    expect(fixed).toBe(3);
  }
  const used = stats.mutators.filter(({ mutants }: { readonly mutants: number }) => mutants > 0);
  expect(used.map(({ mutator }: { readonly mutator: string }) => mutator)).toContain('column');
  expect(parse(readFileSync(join(out, 'campaign.yaml'), 'utf8')).mutator.x).toContain('column');
});

test('every kept testcase is within L-infinity, L2, L0 and what is fixed, at once', async () => {
  const fixed = npy('fixed.npy', [[0, 0, 0, 1]]);
  const limits = ['--linf', '0.2', '--l2', '0.22', '--l0', '2', '--fixed', fixed, '--range=-1,1'];
  const { entries, valuesOf } = await campaign('limits', [
    model,
    '-i',
    seeds,
    ...limits,
    '-n',
    '4000',
    '-s',
    '2',
  ]);
  expect(entries.length).toBeGreaterThan(3);
  for (const { id, ancestor } of entries) {
    const [values, from] = [valuesOf(id, 'x'), valuesOf(ancestor, 'x')];
    const far = values.map((value, i) => Math.abs(value - from[i]));
    expect(Math.max(...far)).toBeLessThanOrEqual(0.2);
    expect(Math.hypot(...far)).toBeLessThanOrEqual(0.22);
    expect(far.filter((one) => one > 0).length).toBeLessThanOrEqual(2);
    expect(far[3]).toBe(0);
  }
});

test("DeepHunter's rule: one geometric change in a line, first, which later changes are measured from", async () => {
  const at = 'corpora/nan-digits';
  const args = [
    `${at}/nan-digits.onnx`,
    '-i',
    `${at}/seeds.npz`,
    '-m',
    'label=none',
    '--range',
    'image=-1,1',
  ];
  const { entries, valuesOf } = await campaign('deephunter', [
    ...args,
    '--deephunter',
    '-n',
    '6000',
    '-s',
    '1',
  ]);
  const geometric = new Set(
    ['translate', 'rotate', 'zoom', 'shear', 'mirror'].map((name) => `image:${name}`),
  );
  const byId = new Map(entries.map((entry) => [entry.id, entry]));
  const moved = entries.filter(({ mutators }) => mutators.some((name: string) => geometric.has(name)));
  expect(moved.length).toBeGreaterThan(3);
  for (const { id, parent, ancestor, reference } of moved) {
    expect({ parent, reference }).toEqual({ parent: ancestor, reference: id });
  }
  for (const { id, ancestor, reference = ancestor } of entries) {
    const [values, from] = [valuesOf(id, 'image'), valuesOf(reference, 'image')];
    const far = values.map((value, i) => Math.abs(value - from[i]));
    const changed = far.filter((one) => one > 0).length;
    expect(changed < 0.02 * 784 || Math.max(...far) <= 0.2 * 2).toBe(true);
    if (reference !== ancestor) expect(byId.get(reference)?.ancestor).toBe(ancestor);
  }
});

describe('text', () => {
  const letters = (text: string): number[] => [0, ...[...text].map((one) => VOCABULARY.indexOf(one)), 1];

  function textCampaign(): string {
    mkdirSync(join(folder, 'prompts'), { recursive: true });
    const lines = ['abc', 'a bad cage', 'face', 'dig a fig'];
    lines.forEach((line, i) => {
      const ids = letters(line);
      const tokens = BigInt64Array.from(ids, BigInt);
      const mask = BigInt64Array.from(ids, () => 1n);
      for (const [name, data] of [
        ['tokens', tokens],
        ['mask', mask],
      ] as const) {
        mkdirSync(join(folder, 'prompts', name), { recursive: true });
        const bytes = encodeNpy({ type: 'int64', shape: [ids.length], data });
        writeFileSync(join(folder, 'prompts', name, `${i}.npy`), bytes);
      }
    });
    file('vocabulary.json', JSON.stringify(VOCABULARY));
    file('words.dict', '# animals\nanimal_1="ibid"\n"\\x61 jab"\n');
    return file(
      'text.yaml',
      `model: ${writeTextModel()}
seeds: { tokens: prompts/tokens, mask: prompts/mask }
tokens: { tokens: { vocabulary: vocabulary.json, length: [3, 14] } }
dictionary: words.dict
measure: values
threshold: 2
execs: 6000
seed: "1"
`,
    );
  }

  test('keeps to vocabulary, special tokens and lengths; the mask follows; two workers do the same', async () => {
    const config = textCampaign();
    const one = await campaign('text-1', ['-c', config, '-j', '1']);
    const two = await campaign('text-2', ['-c', config, '-j', '2']);
    expect(digests(two.out, 'corpus', 'findings')).toEqual(digests(one.out, 'corpus', 'findings'));
    const lengths = new Set<number>();
    for (const { id } of one.entries) {
      const ids = one.valuesOf(id, 'tokens');
      lengths.add(ids.length);
      expect(ids[0]).toBe(0);
      expect(ids.indexOf(1)).toBe(ids.length - 1);
      expect(ids.every((token) => token >= 0 && token < VOCABULARY.length)).toBe(true);
      expect(ids.length >= 3 && ids.length <= 14).toBe(true);
      expect(one.valuesOf(id, 'mask')).toEqual(ids.map(() => 1));
    }
    // Twice as many as the seeds have.
    expect(lengths.size).toBeGreaterThanOrEqual(8);
    const used = one.stats.mutators.filter((own: { readonly mutants: number }) => own.mutants > 0);
    expect(used.map(({ mutator }: { readonly mutator: string }) => mutator).sort()).toEqual(
      [
        ...'substitute insert delete swap duplicate repeat crossover dictionary'.split(' '),
        'keyboard',
        'homoglyph',
        'case',
      ].sort(),
    );
  });

  test('stays within an edit distance, and says what share was rejected', async () => {
    const { entries, valuesOf, stats, ran } = await campaign('edits', [
      '-c',
      textCampaign(),
      '--edits',
      '2',
      '-j',
      '1',
    ]);
    const { distance } = await import('fastest-levenshtein');
    const text = (ids: readonly number[]): string => ids.map((id) => String.fromCharCode(65 + id)).join('');
    for (const { id, ancestor } of entries) {
      const far = distance(text(valuesOf(id, 'tokens')), text(valuesOf(ancestor, 'tokens')));
      expect(far).toBeLessThanOrEqual(2);
    }
    expect(stats.rejected).toBeGreaterThan(0);
    expect(ran.stdout).toMatch(/% of the generated mutants were rejected by the constraints/);
  });
});

test('the plug-in of the examples mutates, by a path relative to the campaign file, and is resumed', async () => {
  mkdirSync(join(folder, 'own'));
  // Beside the package, so that it finds it by name; here it goes by a plain object instead.
  const text = readFileSync(resolve('examples/wave.js'), 'utf8');
  const alone = text.replace(/^import .*$/m, '').replace('defineMutator(', '(');
  file('own/wave.js', alone);
  copyFileSync(model, join(folder, 'own', 'model.onnx'));
  const settings = `model: model.onnx\nseeds: ../seeds.npz\nmutator: { x: [./wave.js, gaussian] }\nrange: [-1, 1]\nexecs: 1000\nseed: "1"\n`;
  const config = file('own/campaign.yaml', settings);
  const whole = await campaign('own-out', ['-c', config, '-n', '3000'], neurofuzzProcess);
  const used = new Set(whole.entries.flatMap(({ mutators }) => mutators));
  expect(used).toContain('x:wave');
  const part = await campaign('own-part', ['-c', config], neurofuzzProcess);
  const resumed = await neurofuzzProcess([
    'fuzz',
    '--resume',
    '-o',
    part.out,
    '-n',
    '3000',
    '--quiet',
    '--exit-zero',
  ]);
  expect(resumed).toMatchObject({ code: 0, stderr: '' });
  expect(digests(part.out, 'corpus', 'findings')).toEqual(digests(whole.out, 'corpus', 'findings'));
});

test('a parameter at an end of its bounds, and parameters of a criterion and of a scheduler, are taken and recorded', async () => {
  const specs = ['-m', 'multiply:most=1', '--measure', 'values:width=3', '--scheduler', 'recent:newest=1'];
  const { out, stats } = await campaign('parameters', [
    model,
    ...['-i', seeds, '--range=-1,1', '-s', '1', '-n', '500', ...specs],
  ]);
  expect(stats.execs).toBe(500);
  // A factor of 1 leaves every mutant as its parent is.
  expect(stats.corpus).toBe(2);
  expect(parse(readFileSync(join(out, 'campaign.yaml'), 'utf8'))).toMatchObject({
    mutator: { x: 'multiply:most=1' },
    measure: 'values:width=3',
    scheduler: 'recent:newest=1',
  });
});

test('the example itself runs as it stands', async () => {
  const args = [model, '-i', seeds, '-m', './examples/wave.js:most=0.3', '-n', '500'];
  const { entries } = await campaign('wave', args, neurofuzzProcess);
  expect(entries.some(({ mutators }) => mutators.includes('x:wave'))).toBe(true);
});

test('what each mutator did and brought adds up, and the learned choice is the same on two workers', async () => {
  const args = [
    '-c',
    'corpora/nan-digits/campaign.yaml',
    '-m',
    'image=all',
    'label=none',
    '-n',
    '8000',
    '-s',
    '5',
  ];
  const one = await campaign('learned-1', [...args, '-j', '1']);
  const two = await campaign('learned-2', [...args, '-j', '2']);
  expect(digests(two.out, 'corpus', 'findings')).toEqual(digests(one.out, 'corpus', 'findings'));
  expect(two.stats.mutators).toEqual(one.stats.mutators);
  const mutators: readonly { mutator: string; share: number; mutants: number; entries: number }[] =
    one.stats.mutators;
  expect(mutators.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 2);
  // Those of climbs and attacks alone have no share of the mutants for coverage.
  const without = mutators.filter(({ share }) => share === 0).map(({ mutator }) => mutator);
  expect(without.sort()).toEqual(['ascent', 'copy', 'creep', 'path', 'square']);
  expect(mutators.reduce((sum, { mutants }) => sum + mutants, 0)).toBeGreaterThanOrEqual(8000);
  // The steps of an ascent are all told of an entry, and count once.
  const isAscent = (name: string): boolean => name.endsWith('ascent');
  const entered = one.entries.flatMap(({ mutators: names }) => (names.some(isAscent) ? [] : names)).length;
  const others = mutators.filter(({ mutator }) => !isAscent(mutator));
  expect(others.reduce((sum, { entries }) => sum + entries, 0)).toBe(entered);
});
