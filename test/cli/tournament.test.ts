import { appendFileSync, copyFileSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { randomStream } from '../../src/core/random.ts';
import { OnnxBuilder } from '../../src/model/formats/onnx/builder.ts';
import { encodeNpz } from '../../src/tensor/npz.ts';
import { neurofuzz } from '../support/command.ts';
import { testFolder } from '../support/folder.ts';
import { WEIGHTS, writeLogOnnx, writeSeeds, writeSoftmaxOnnx } from '../support/models.ts';

const folder = testFolder();
const best = writeSoftmaxOnnx(folder, 'best.onnx');
const middle = writeNoisyOnnx('middle.onnx', 0.4);
// Its input has another name.
const worst = writeNoisyOnnx('worst.onnx', 3, 3, 'values');
const ROWS = Array.from({ length: 60 }, (_, i) => {
  const random = randomStream('rows', i);
  return [0, 1, 2, 3].map(() => random.uniform());
});
const seeds = writeSeeds(folder, ROWS);
const labels = join(folder, 'labels.txt');
writeFileSync(labels, ROWS.map((row) => `${classOf(row)}\n`).join(''));

/** The class that the small network gives. */
function classOf(row: readonly number[]): number {
  const logits = [0, 1, 2].map((k) => row.reduce((sum, value, j) => sum + value * WEIGHTS[3 * j + k], 0));
  return logits.indexOf(Math.max(...logits));
}

/** The small network with weights that are off by so much. */
function writeNoisyOnnx(name: string, amount: number, width = 3, input = 'x'): string {
  const random = randomStream('weights');
  const weights = Float32Array.from(
    { length: 4 * width },
    (_, i) => WEIGHTS[i % 12] + amount * (random.uniform() - 0.5),
  );
  const graph = new OnnxBuilder();
  const w = graph.constant('w', 'float32', [4, width], weights);
  graph.node('MatMul', [graph.input(input, 'float32', ['batch', 4]), w], 'logits');
  graph.output('logits', 'float32', ['batch', width]);
  const path = join(folder, name);
  writeFileSync(path, graph.finish('noisy'));
  return path;
}

const ON_SEEDS = ['--seeds', seeds, '--labels', labels, '--range=0,1'];
const MUTATORS = ['--mutator', 'gaussian:sigma=0.05', 'gaussian:sigma=0.5', 'block'];
let runs = 0;

interface Rated {
  readonly name: string;
  readonly bradleyTerry: { readonly rating: number };
  readonly winRate: { readonly mean: number };
  readonly glicko2: { readonly rating: number };
}

async function tournament(args: readonly string[], out = join(folder, `cup-${runs++}`)) {
  const { code, stdout, stderr } = await neurofuzz(['tournament', ...args, '-o', out, '--json', '--quiet']);
  return { code, stderr, out, report: stdout === '' ? undefined : JSON.parse(stdout) };
}

const read = (out: string, name: string): string => readFileSync(join(out, name), 'utf8');

/** The file without its last lines, the last of them torn. */
function interrupt(out: string, lines: number): void {
  const path = join(out, 'games.jsonl');
  const text = readFileSync(path, 'utf8');
  const kept = text.split('\n').slice(0, lines).join('\n');
  truncateSync(path, Buffer.byteLength(kept) - 5);
}

test('rates models and mutators, and writes both files', async () => {
  const args = [worst, best, middle, ...ON_SEEDS, ...MUTATORS, '--games', '150', '-s', '1', '-j', '1'];
  const { code, report, out } = await tournament(args);
  expect(code).toBe(0);
  const { folder: place, ...ratings } = report;
  expect(place).toBe(out);
  expect(JSON.parse(read(out, 'ratings.json'))).toEqual(ratings);
  expect(ratings).toMatchObject({
    formatVersion: 1,
    games: 9 * 150,
    seeds: { count: 60, leftOut: 0 },
    bridges: [],
  });
  const names = ratings.players.map(({ name }: { name: string }) => name);
  expect(names.slice(0, 3)).toEqual(['best', 'middle', 'worst']);
  // The strongest noise beats models best.
  expect(names[3]).toBe('gaussian:sigma=0.5');
  const [first, , third] = ratings.players;
  expect(first).toMatchObject({ kind: 'model', games: 450, group: 1, bradleyTerry: { rank: 1, above: 0 } });
  expect(first.sha256).toMatch(/^[0-9a-f]{64}$/);
  expect(first.winRate.mean).toBeGreaterThan(third.winRate.mean);
  expect(first.bradleyTerry.low).toBeGreaterThan(third.bradleyTerry.high);
  expect(third.bradleyTerry).toMatchObject({ rank: 3, above: 2 });
  expect(first.glicko2.rating).toBeGreaterThan(third.glicko2.rating);
  // Row and column say the same; models are compared on the same mutants.
  expect(ratings.pairs[0][3][0] + ratings.pairs[3][0][0]).toBeCloseTo(1, 12);
  expect(ratings.pairs[0][2]).toEqual([expect.any(Number), 450]);
  expect(ratings.pairs[0][2][0]).toBeGreaterThan(0.5);
  expect(ratings.pairs[3][4]).toBeNull();

  // Killed twice, and with another number of processes: the same bytes.
  const games = read(out, 'games.jsonl');
  const killed = await tournament([...args.slice(0, -1), '2']);
  expect(read(killed.out, 'games.jsonl')).toBe(games);
  for (const lines of [9, 14]) {
    interrupt(killed.out, lines);
    const resumed = await tournament([...args, '--resume'], killed.out);
    expect(resumed.code).toBe(0);
    expect(read(killed.out, 'games.jsonl')).toBe(games);
    expect(read(killed.out, 'ratings.json')).toBe(read(out, 'ratings.json'));
  }
  const sorted = await tournament(['--resume', '--rating', 'win-rate', '--period', '50'], killed.out);
  expect(sorted.report).toMatchObject({ sortedBy: 'win-rate', period: 50 });
});

test('a file that plays twice shares a rank, and scores one half against itself', async () => {
  const copy = join(folder, 'copy.onnx');
  copyFileSync(middle, copy);
  const args = [
    middle,
    middle,
    copy,
    worst,
    ...ON_SEEDS,
    ...MUTATORS,
    '--games',
    '100',
    '-s',
    '2',
    '-j',
    '1',
  ];
  for (const opponents of ['mutators', 'models']) {
    const { report } = await tournament([...args, '--opponents', opponents]);
    const twins = report.players.filter(({ name }: { name: string }) => name !== 'worst').slice(0, 3);
    expect(twins.map(({ name }: { name: string }) => name).sort()).toEqual(['copy', 'middle', 'middle (2)']);
    expect(
      new Set(twins.map(({ bradleyTerry }: { bradleyTerry: { rank: number } }) => bradleyTerry.rank)).size,
    ).toBe(1);
    expect(report.pairs[0][1][0]).toBe(0.5);
    expect(report.pairs[1][2][0]).toBe(0.5);
    expect(report.pairs[0][0]).toBeNull();
  }
});

test('a model that joins plays, and the others keep their games', async () => {
  const args = [best, worst, ...ON_SEEDS, ...MUTATORS, '--games', '60', '-s', '3', '-j', '1'];
  for (const opponents of ['mutators', 'models']) {
    const { out } = await tournament([...args, '--opponents', opponents]);
    const before = read(out, 'games.jsonl')
      .split('\n')
      .filter((line) => line.includes('"games"'));
    const joined = await tournament(['--resume', middle, '-j', '1'], out);
    expect(joined.stderr).toBe('');
    expect(joined.report.players.slice(0, 3).map(({ name }: { name: string }) => name)).toEqual([
      'best',
      'middle',
      'worst',
    ]);
    const after = read(out, 'games.jsonl');
    for (const line of before.filter((text) => text.includes('"players"'))) expect(after).toContain(line);
    if (opponents === 'models') continue;
    // All are as strong as with the model among them from the start.
    const together = await tournament([best, worst, middle, ...args.slice(2)]);
    const ratingsOf = ({ report }: Awaited<ReturnType<typeof tournament>>): unknown[] =>
      report.players.map(({ name, bradleyTerry, winRate, glicko2 }: Rated) => [
        name,
        bradleyTerry.rating.toFixed(6),
        winRate.mean,
        glicko2.rating.toFixed(6),
      ]);
    expect(ratingsOf(together)).toEqual(ratingsOf(joined));
  }
});

test('near: more games between those who are of like strength, killed or not', async () => {
  const args = [
    best,
    middle,
    worst,
    ...ON_SEEDS,
    ...MUTATORS,
    '--games',
    '80',
    '--pairing',
    'near',
    '-s',
    '4',
    '-j',
    '1',
  ];
  const { report, out } = await tournament(args);
  expect(report.games).toBe(9 * 80);
  const cells = report.pairs.slice(0, 3).flatMap((row: ([number, number] | null)[]) => row.slice(3));
  const counts = cells.map(([, games]: [number, number]) => games);
  expect(Math.min(...counts)).toBe(40);
  expect(Math.max(...counts)).toBeGreaterThan(80);
  const games = read(out, 'games.jsonl');
  interrupt(out, 12);
  await tournament([...args.slice(0, -1), '2', '--resume'], out);
  expect(read(out, 'games.jsonl')).toBe(games);
});

describe('other rules', () => {
  const settings = ['--seeds', seeds, '--range=0,1', ...MUTATORS, '--games', '40', '-s', '5', '-j', '1'];

  test('agrees: the reference agrees with itself in every game', async () => {
    const { report } = await tournament([best, worst, ...settings, '--win', `agrees=${best}`]);
    const [first, second] = report.players;
    expect(first).toMatchObject({ name: 'best', winRate: { mean: 1 } });
    expect(second.winRate.mean).toBeLessThan(1);
  });

  test('assert: an expression decides, also of models without classes', async () => {
    const log = writeLogOnnx(folder);
    const { code, report } = await tournament([
      ...[log, log, ...settings],
      ...['--win', 'assert:min(y) > -1'],
    ]);
    expect(code).toBe(0);
    expect(report.players[0].winRate.mean).toBeGreaterThan(0);
    expect(report.players[0].winRate.mean).toBeLessThan(1);
    expect(report.seeds.leftOut).toBeGreaterThan(0);
  });

  test('confident: fewer games are won than by the class alone', async () => {
    const labelled = [best, worst, ...settings, '--labels', labels];
    const [sure, right] = [
      await tournament([...labelled, '--win', 'confident=0.6']),
      await tournament(labelled),
    ];
    const meanOf = ({ report }: Awaited<ReturnType<typeof tournament>>): number =>
      report.players.find(({ name }: { name: string }) => name === 'best').winRate.mean;
    expect(meanOf(sure)).toBeLessThan(meanOf(right));
  });
});

test('campaigns play with their testcases and with the labels of their seeds', async () => {
  const campaigns = ['one', 'two'].map((name) => join(folder, 'nightly', name));
  for (const [i, out] of campaigns.entries())
    await neurofuzz([
      ...['fuzz', [middle, best][i], ...ON_SEEDS, '-O', 'misclassified', '--linf', '0.2'],
      ...['-n', '400', '-s', '1', '-o', out, '--quiet'],
    ]);
  const args = [best, middle, '--corpus', ...campaigns, '--games', '40', '-s', '6', '-j', '1'];
  const { code, report, stderr } = await tournament([...args, '--labels', 'seeds']);
  expect(stderr).toBe('');
  expect(code).toBe(0);
  expect(report.players.map(({ name }: { name: string }) => name).sort()).toEqual([
    'best',
    'middle',
    'one',
    'two',
  ]);
  const given = await tournament([...args, ...ON_SEEDS]);
  expect(given.report.pairs).toEqual(report.pairs);
});

describe('refusals', () => {
  const plain = [best, worst, ...ON_SEEDS, ...MUTATORS, '--games', '20', '-s', '7', '-j', '1'];
  const five = writeNoisyOnnx('five.onnx', 0.4, 5);
  const wide = join(folder, 'wide.onnx');
  const graph = new OnnxBuilder();
  const w = graph.constant('w', 'float32', [5, 3], new Float32Array(15));
  graph.node('MatMul', [graph.input('x', 'float32', ['batch', 5]), w], 'logits');
  graph.output('logits', 'float32', ['batch', 3]);
  writeFileSync(wide, graph.finish('wide'));

  test.each([
    ['one model', [best, ...plain.slice(2)], /two models or more/],
    [
      'one mutator',
      [best, worst, ...ON_SEEDS, '--mutator', 'gaussian'],
      /two mutators or folders.*there is one/,
    ],
    ['other inputs', [best, wide, ...plain.slice(2)], /wide takes float32 5 and best float32 4/],
    ['other classes', [best, five, ...plain.slice(2)], /five knows 5 classes and best 3/],
    ['no labels', [best, worst, '--seeds', seeds, ...MUTATORS], /without --labels nobody knows/],
    ['few games', [...plain, '--games', '19'], /--games must be at least 20/],
    ['an unknown rule', [...plain, '--win', 'often'], /--win must be correct/],
    ['no classes', [best, writeLogOnnx(folder, 'l.onnx'), ...plain.slice(2)], /l knows|classes/],
    ['an empty corpus', [best, worst, ...ON_SEEDS, '--corpus', folder, folder], /--corpus/],
    ['nothing to resume', [...plain, '--resume'], /--resume: .* holds no games\.jsonl/],
    ['labels of no campaign', [best, worst, '--labels', 'seeds', ...MUTATORS], /--labels seeds/],
  ])('%s', async (_name, args, message) => {
    const { code, stderr } = await tournament(args);
    expect(stderr).toMatch(message);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(code).toBe(2);
  });

  test('a folder that holds a tournament, other settings, and a model that has changed', async () => {
    const changing = join(folder, 'changing.onnx');
    copyFileSync(middle, changing);
    const args = [best, changing, ...plain.slice(2)];
    const { out } = await tournament(args);
    const again = await tournament(args, out);
    expect([again.code, again.stderr]).toEqual([2, expect.stringMatching(/already holds a tournament/)]);
    const other = await tournament(['--resume', '--games', '40'], out);
    expect([other.code, other.stderr]).toEqual([2, expect.stringMatching(/begun with another --games/)]);
    interrupt(out, 8);
    copyFileSync(worst, changing);
    const changed = await tournament(['--resume', '-j', '1'], out);
    expect([changed.code, changed.stderr]).toEqual([2, expect.stringMatching(/has changed since it played/)]);
    const over = await tournament([...args, '--overwrite'], out);
    expect(over.code).toBe(0);
    expect(read(`${out}.old-1`, 'games.jsonl')).toContain('"settings"');
    appendFileSync(join(out, 'games.jsonl'), '{"kind":"games",nonsense\n');
    expect((await tournament(['--resume'], out)).code).toBe(0);
    appendFileSync(join(out, 'games.jsonl'), 'nonsense\n');
    const lost = await tournament(['--resume'], out);
    expect([lost.code, lost.stderr]).toEqual([2, expect.stringMatching(/may have held a player/)]);
  });
});

describe('generators and discriminators', () => {
  const gan = 'corpora/gan-digits';
  const paths = (kind: string, ...steps: number[]): string[] =>
    steps.map((n) => join(gan, `${kind}-${n}.onnx`));
  const sides = [
    ...['--generators', ...paths('generator', 10, 100, 2400)],
    ...['--discriminators', ...paths('discriminator', 60, 1600)],
  ];
  const real = ['--real', join(gan, 'real.npz')];
  const settings = [...real, '--games', '20', '-s', '9', '-j', '1'];
  /** Calls everything fake. */
  const strict = join(folder, 'strict.onnx');
  const graph = new OnnxBuilder();
  const shape = graph.constant('shape', 'int64', [2], BigInt64Array.of(-1n, 64n));
  const pixels = graph.node('Reshape', [graph.input('x', 'float32', ['batch', 8, 8, 1]), shape], 'pixels');
  const none = graph.constant('none', 'float32', [64, 1], new Float32Array(64));
  const low = graph.constant('low', 'float32', [1], Float32Array.of(-3));
  graph.node('Sigmoid', [graph.node('Gemm', [pixels, none, low], 'sum')], 'share');
  graph.output('share', 'float32', ['batch', 1]);
  writeFileSync(strict, graph.finish('strict'));

  test('later generators are stronger; who calls everything fake is named and not rated', async () => {
    const args = [...sides, strict, ...settings];
    const { code, report, out, stderr } = await tournament(args);
    expect([code, stderr]).toEqual([0, '']);
    expect(report.games).toBe(6 * 20);
    expect(report.unrated).toEqual([{ name: 'strict', real: 0 }]);
    const named = report.players.map(({ name, kind }: { name: string; kind: string }) => [kind, name]);
    expect(named.slice(0, 3)).toEqual([
      ['generator', 'generator-2400'],
      ['generator', 'generator-100'],
      ['generator', 'generator-10'],
    ]);
    expect(named[3]).toEqual(['discriminator', 'discriminator-1600']);
    expect(report.players[3].real).toBeGreaterThan(0.5);
    const [[, , , [score, games]]] = report.pairs;
    expect(games).toBe(20);
    // A share of 20 · 64 samples.
    expect(score * 20 * 64).toBeCloseTo(Math.round(score * 20 * 64), 6);

    const lines = read(out, 'games.jsonl');
    const other = await tournament([...args.slice(0, -1), '2']);
    expect(read(other.out, 'games.jsonl')).toBe(lines);
    interrupt(other.out, 9);
    await tournament([...args, '--resume'], other.out);
    expect(read(other.out, 'games.jsonl')).toBe(lines);
    expect(read(other.out, 'ratings.json')).toBe(read(out, 'ratings.json'));
    const joined = await tournament(['--resume', '--generators', ...paths('generator', 700), '-j', '1'], out);
    expect(joined.report.games).toBe(8 * 20);
    expect(joined.report.players[0].kind).toBe('generator');
    for (const text of lines.split('\n').filter((line) => line.includes('"games"')))
      expect(read(out, 'games.jsonl')).toContain(text);
  });

  test('latent vectors of a file, and a warning without real examples', async () => {
    const latents = join(folder, 'latents.npz');
    const data = Float32Array.from({ length: 12 * 30 }, (_, i) => Math.sin(i));
    writeFileSync(latents, encodeNpz([['latent', { type: 'float32', shape: [30, 12], data }]]));
    const out = join(folder, 'from-file');
    const { code, stdout, stderr } = await neurofuzz([
      ...['tournament', ...sides, '--games', '20', '-s', '9', '-j', '1', '--latent', latents, '-o', out],
    ]);
    expect(code).toBe(0);
    expect(stderr).toMatch(/without --real nobody knows/);
    expect(stdout).toMatch(/^120 games of 64 samples, seed 9\n/);
    expect(stdout).toMatch(/rank {2}discriminator/);
  });

  test.each([
    [
      'one generator',
      ['--generators', ...paths('generator', 10), ...sides.slice(4)],
      /two generators or more, and there is one/,
    ],
    ['no discriminators', sides.slice(0, 4), /two discriminators or more, and there is none/],
    [
      'samples that do not fit',
      [...sides, best],
      /discriminator .*best\.onnx takes x of 4, and samples are of 8×8×1/,
    ],
    [
      'a generator of other latent vectors',
      ['--generators', ...paths('generator', 10), best, ...sides.slice(4)],
      /generator .*best\.onnx takes 4, and latent vectors are of 12/,
    ],
    ['a rule for models', [...sides, '--win', 'correct'], /--win is for models/],
    ['models beside them', [best, ...sides], /generators play discriminators/],
    ['a flag for generators', [best, worst, ...ON_SEEDS, '--latent', 'normal'], /--latent is for generators/],
  ])('refuses %s', async (_name, args, message) => {
    const { code, stderr } = await tournament([...args, '-s', '9', '-j', '1', '--games', '20']);
    expect(stderr).toMatch(message);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(code).toBe(2);
  });
});

test('the list has both sides, and --help has examples', async () => {
  const out = join(folder, 'list');
  const { stdout } = await neurofuzz([
    ...[
      'tournament',
      best,
      worst,
      ...ON_SEEDS,
      ...MUTATORS,
      '--games',
      '20',
      '-s',
      '8',
      '-o',
      out,
      '-j',
      '1',
    ],
  ]);
  expect(stdout).toMatch(/^120 games on 60 seeds, seed 8\n\n {2}rank {2}model +Bradley–Terry/);
  expect(stdout).toMatch(/\n {2}1 +best +\d+ +\d+–\d+/);
  expect(stdout).toMatch(/rank {2}opponent/);
  expect(stdout.trimEnd().split('\n').at(-1)).toBe(join(out, 'tournament.html'));
  expect(read(out, 'tournament.html').match(/class="interval"/g)).toHaveLength(5);
  const help = await neurofuzz(['tournament', '--help']);
  expect(help.stdout).toContain('neurofuzz tournament --resume --out cup new.onnx');
});
