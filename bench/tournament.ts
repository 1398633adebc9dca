/**
 * The tables of `neurofuzz tournament`: Glickman's example; coverage of intervals; checkpoints of a digit classifier against
 * mutators by number of games, and with unequal opponents; generators against discriminators.
 */
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import {
  drawSmallDigits,
  CLASSES as SMALL_CLASSES,
  PIXELS as SMALL_PIXELS,
} from '../corpora/gan-digits/digits.ts';
import { discriminatorOnnx, generatorOnnx, LATENT, trainGan } from '../corpora/gan-digits/gan.ts';
import { drawNormal, type Random, randomStream } from '../src/core/random.ts';
import { loadModel } from '../src/model/formats/registry.ts';
import { startTfjs } from '../src/model/formats/tfjs/backend.ts';
import { readTournament } from '../src/model-commands/tournament/games-file.ts';
import type { TournamentReport } from '../src/model-commands/tournament/ratings.ts';
import { runTournament, type TournamentRequest } from '../src/model-commands/tournament/tournament.ts';
import { spearman } from '../src/saliency/metrics.ts';
import { encodeNpz } from '../src/tensor/npz.ts';
import { POINTS, rateByBradleyTerry } from '../src/tournament/bradley-terry.ts';
import { updateGlicko2 } from '../src/tournament/glicko2.ts';
import type { Match } from '../src/tournament/match.ts';
import { type Ratings, ratePlayers } from '../src/tournament/rate-players.ts';
import { line, withFolder } from './campaign.ts';
import { CHECKPOINT_STEPS, digitCheckpoints } from './digit-checkpoints.ts';
import { mnist, PIXELS } from './digit-networks.ts';
import { frechetDistance, trainFeatures } from './frechet.ts';

const { values: options } = parseArgs({
  options: {
    data: { type: 'string', default: '../shared/data/mnist' },
    cache: { type: 'string', default: 'bench/.cache' },
    games: { type: 'string', default: '1000' },
    only: { type: 'string', multiple: true, default: [] },
    seed: { type: 'string', default: 'tournament' },
  },
});

/** From easy to hard. */
const MUTATORS = [
  'gaussian:sigma=0.02',
  'rotate:most=5',
  'gaussian:sigma=0.1',
  'jpeg:severity=3',
  'impulse-noise:severity=5',
  'translate:most=0.6',
  'rotate:most=180',
  'gaussian:sigma=0.8',
];
const GLICKO = { tau: 0.5, period: 100 };
const NO_NOTICES = { info() {}, warn() {} };

/** Prints a row, and fails the bench where a figure is out of bounds. */
function check(row: Record<string, unknown>, isWithin: boolean): void {
  if (!isWithin) process.exitCode = 1;
  line({ ...row, isWithin });
}

const parts: Readonly<Record<string, () => Promise<void>>> = {
  glickman: async () => {
    const games = [
      { opponent: { rating: 1400, deviation: 30 }, score: 1 },
      { opponent: { rating: 1550, deviation: 100 }, score: 0 },
      { opponent: { rating: 1700, deviation: 300 }, score: 0 },
    ];
    const { rating, deviation, volatility } = updateGlicko2(
      { rating: 1500, deviation: 200, volatility: 0.06 },
      games,
      0.5,
    );
    const isWithin =
      Math.abs(rating - 1464.0507) < 1e-3 &&
      Math.abs(deviation - 151.5165) < 1e-3 &&
      Math.abs(volatility - 0.059996) < 1e-6;
    check({ part: 'glickman', rating, deviation, volatility }, isWithin);
  },
  coverage: async () => {
    const [players, draws, games] = [20, 100, 20];
    let held = 0;
    for (let draw = 0; draw < draws; draw++) {
      const random = randomStream(options.seed, 'coverage', draw);
      const drawn = Array.from({ length: players }, () => drawNormal(random));
      const mean = drawn.reduce((sum, value) => sum + value, 0) / players;
      const strengths = drawn.map((value) => value - mean);
      const matches = simulateAll(strengths, games, random);
      rateByBradleyTerry(matches, players, `${options.seed} ${draw}`).forEach(({ low, high }, i) => {
        const truth = 1500 + POINTS * strengths[i];
        if (low <= truth && truth <= high) held++;
      });
    }
    const share = held / (draws * players);
    check({ part: 'coverage', players, draws, games, share }, share >= 0.9 && share <= 0.99);
  },
  classifiers,
  generators,
};

function simulateAll(strengths: readonly number[], games: number, random: Random): Match[] {
  const matches: Match[] = [];
  for (let first = 0; first < strengths.length; first++)
    for (let second = first + 1; second < strengths.length; second++) {
      const expected = 1 / (1 + Math.exp(strengths[second] - strengths[first]));
      const number = matches.length;
      matches.push({
        first,
        second,
        seeds: Array.from({ length: games }, (_, game) => number * games + game),
        scores: Array.from({ length: games }, () => (random.uniform() < expected ? 1 : 0)),
      });
    }
  return matches;
}

function request(fields: Partial<TournamentRequest>): TournamentRequest {
  return {
    models: [],
    generators: [],
    discriminators: [],
    file: {},
    flags: {},
    source: undefined,
    games: {},
    sortedBy: 'bradley-terry',
    glicko2: GLICKO,
    resume: false,
    overwrite: true,
    ...fields,
  };
}

/** Games of a finished tournament by its players in the order of their lines. */
async function savedMatches(
  folder: string,
): Promise<{ readonly names: string[]; readonly matches: Match[] }> {
  const { players, games } = await readTournament(folder);
  const names = players.map(({ name }) => name);
  const byPair = new Map<string, { first: number; second: number; seeds: number[]; scores: number[] }>();
  for (const { players: pair, seeds, scores } of games) {
    const key = JSON.stringify(pair);
    const [first, second] = pair.map((name) => names.indexOf(name));
    const known = byPair.get(key) ?? { first, second, seeds: [], scores: [] };
    known.seeds.push(...seeds);
    known.scores.push(...scores);
    byPair.set(key, known);
  }
  return { names, matches: [...byPair.values()] };
}

function firstGames(match: Match, from: number, count: number): Match {
  return {
    ...match,
    seeds: Array.from(match.seeds).slice(from, from + count),
    scores: Array.from(match.scores).slice(from, from + count),
  };
}

async function classifiers(): Promise<void> {
  const { training, heldOut } = await mnist(options.data);
  const models = await digitCheckpoints(training, options.cache);
  const count = heldOut.labels.length;
  const accuracies = await Promise.all(
    models.map((path) => accuracyOf(path, heldOut.images, heldOut.labels)),
  );
  line({ part: 'checkpoints', steps: CHECKPOINT_STEPS, accuracies });
  await withFolder(async (folder) => {
    const [seeds, labels] = [join(folder, 'digits.npz'), join(folder, 'labels.txt')];
    await writeFile(
      seeds,
      encodeNpz([['image', { type: 'float32', shape: [count, 28, 28, 1], data: heldOut.images }]]),
    );
    await writeFile(labels, Array.from(heldOut.labels, (label) => `${label}\n`).join(''));
    const start = performance.now();
    const out = join(folder, 'cup');
    const flags = {
      seeds: [seeds],
      labels,
      range: [-1, 1],
      mutator: MUTATORS,
      seed: options.seed,
      jobs: 2,
      out,
    };
    const games = Number(options.games);
    const { report } = await runTournament(request({ models, flags, games: { games } }), NO_NOTICES);
    const seconds = (performance.now() - start) / 1000;
    check({ part: 'speed', games: report.games, seconds, jobs: 2 }, seconds < 300);
    const { names, matches } = await savedMatches(out);
    const rate = (chosen: readonly Match[], seed = options.seed): Ratings =>
      ratePlayers(
        names.map((name, i) => ({ name, side: i < models.length ? 'models' : 'mutators' })),
        chosen,
        seed,
        GLICKO,
      );
    for (const each of [1000, 50, 10]) {
      if (each > games) continue;
      // Where fewer are played, the mean over ten disjoint parts of the games.
      const partCount = each === 1000 ? 1 : Math.min(10, Math.floor(games / each));
      const rated = Array.from({ length: partCount }, (_, part) =>
        rate(matches.map((match) => firstGames(match, part * each, each))),
      );
      const correlations = rated.map((ratings) => correlationsOf(ratings, accuracies));
      const mean = (name: keyof Correlations): number =>
        correlations.reduce((sum, correlation) => sum + correlation[name], 0) / partCount;
      const orders = Array.from(
        { length: 5 },
        (_, order) =>
          correlationsOf(
            rate(
              matches.map((match) => firstGames(match, 0, each)),
              `order ${order}`,
            ),
            accuracies,
          ).glicko2,
      );
      const row = {
        part: 'equal',
        games: each * matches.length,
        winRate: mean('winRate'),
        bradleyTerry: mean('bradleyTerry'),
        glicko2: mean('glicko2'),
        glicko2Lowest: Math.min(...orders),
      };
      const least = each === 1000 ? 0.97 : each === 50 ? 0.9 : -1;
      check(row, row.winRate >= least && row.bradleyTerry >= least && (each !== 50 || row.glicko2 >= least));
    }
    unequal(report, matches, names, accuracies, rate);
  });
}

/** Weak models meet easy mutators and strong ones hard ones; one pair is a bridge. */
function unequal(
  report: TournamentReport,
  matches: readonly Match[],
  names: readonly string[],
  accuracies: readonly number[],
  rate: (matches: readonly Match[]) => Ratings,
): void {
  const half = accuracies.length / 2;
  const byHardness = report.players
    .filter(({ kind }) => kind === 'mutator')
    .map(({ name }) => names.indexOf(name))
    .reverse();
  const easy = new Set(byHardness.slice(0, byHardness.length / 2));
  const [bridgeModel, bridgeMutator] = [half - 1, byHardness[byHardness.length / 2]];
  for (const [bridge, isRefused] of [
    [400, false],
    [20, true],
  ] as const) {
    const chosen = matches.flatMap((match) => {
      if (match.first < half === easy.has(match.second)) return [match];
      const isBridge = match.first === bridgeModel && match.second === bridgeMutator;
      return isBridge ? [firstGames(match, 0, bridge)] : [];
    });
    const ratings = rate(chosen);
    const { winRate, bradleyTerry, glicko2 } = correlationsOf(ratings, accuracies);
    const groups = new Set(ratings.players.map(({ group }) => group)).size;
    const row = {
      part: 'unequal',
      bridge,
      winRate,
      bradleyTerry,
      glicko2,
      groups,
      bridges: ratings.bridges.length,
    };
    check(row, isRefused ? groups === 2 : groups === 1 && bradleyTerry >= 0.95 && glicko2 < 0.6);
  }
}

interface Correlations {
  readonly winRate: number;
  readonly bradleyTerry: number;
  readonly glicko2: number;
}

/** Rank correlations of the first players' ratings with a list. */
function correlationsOf({ players }: Ratings, truth: readonly number[]): Correlations {
  const first = players.slice(0, truth.length);
  return {
    winRate: spearman(
      first.map(({ winRate }) => winRate.mean),
      truth,
    ),
    bradleyTerry: spearman(
      first.map(({ bradleyTerry }) => bradleyTerry.rating),
      truth,
    ),
    glicko2: spearman(
      first.map(({ glicko2 }) => glicko2.rating),
      truth,
    ),
  };
}

async function accuracyOf(path: string, images: Float32Array, labels: Uint8Array): Promise<number> {
  const model = await loadModel(path, { runtime: 'auto' });
  const { outputs } = await model.run(
    [
      {
        type: 'float32',
        shape: [labels.length, 28, 28, 1],
        data: images.subarray(0, labels.length * PIXELS),
      },
    ],
    [],
  );
  const logits = outputs[0].data as Float32Array;
  await model.dispose();
  const right = labels.filter((label, row) => {
    const scores = logits.subarray(row * 10, (row + 1) * 10);
    return scores.indexOf(Math.max(...scores)) === label;
  });
  return right.length / labels.length;
}

const GAN_STEPS = [10, 30, 60, 100, 200, 400, 700, 1100, 1600, 2400];
const BUNDLED = 'corpora/gan-digits';

async function generators(): Promise<void> {
  await startTfjs('auto');
  const random = randomStream(options.seed, 'small digits');
  const images = drawSmallDigits(4000, random);
  const labels = Uint8Array.from({ length: 4000 }, (_, i) => i % SMALL_CLASSES);
  const features = trainFeatures(images, labels, SMALL_PIXELS, options.seed);
  const real = features(drawSmallDigits(2000, random));
  for (const training of ['bundled', 'second', 'third']) {
    await withFolder(async (folder) => {
      const source = training === 'bundled' ? BUNDLED : await trainedGan(images, training);
      const paths = (kind: string): string[] =>
        GAN_STEPS.map((steps) => join(source, `${kind}-${steps}.onnx`));
      const distances: number[] = [];
      for (const path of paths('generator'))
        distances.push(frechetDistance(features(await samplesOf(path)), real));
      const { report } = await runTournament(
        request({
          generators: paths('generator'),
          discriminators: paths('discriminator'),
          flags: { seed: options.seed, jobs: 2, out: join(folder, 'cup') },
          games: { games: 20, real: [join(BUNDLED, 'real.npz')] },
        }),
        NO_NOTICES,
      );
      const ratings = GAN_STEPS.map((steps) => {
        const found = report.players.find(({ name }) => name === `generator-${steps}`);
        return { rating: found?.bradleyTerry.rating ?? 0, mean: found?.winRate.mean ?? 0 };
      });
      const nearness = distances.map((distance) => -distance);
      const bradleyTerry = spearman(
        ratings.map(({ rating }) => rating),
        nearness,
      );
      const winRate = spearman(
        ratings.map(({ mean }) => mean),
        nearness,
      );
      check({ part: 'generators', training, bradleyTerry, winRate, distances }, bradleyTerry >= 0.85);
    });
  }
}

/** Trains another network as `corpora/gan-digits/make.ts` does, unless that was done before. */
async function trainedGan(images: Float32Array, seed: string): Promise<string> {
  const folder = join(options.cache, `gan-digits-${seed}`);
  const names = await readdir(folder).catch(() => []);
  if (names.length === 2 * GAN_STEPS.length) return folder;
  await mkdir(folder, { recursive: true });
  for (const { steps, generator, discriminator } of trainGan(images, GAN_STEPS, seed, () => {})) {
    await writeFile(join(folder, `generator-${steps}.onnx`), generatorOnnx(generator));
    await writeFile(join(folder, `discriminator-${steps}.onnx`), discriminatorOnnx(discriminator));
  }
  return folder;
}

async function samplesOf(path: string): Promise<Float32Array> {
  const model = await loadModel(path, { runtime: 'auto' });
  const random = randomStream(options.seed, 'samples');
  const data = Float32Array.from({ length: 2000 * LATENT }, () => drawNormal(random));
  const { outputs } = await model.run([{ type: 'float32', shape: [2000, LATENT], data }], []);
  await model.dispose();
  return outputs[0].data as Float32Array;
}

for (const [name, run] of Object.entries(parts))
  if (options.only.length === 0 || options.only.includes(name)) await run();
