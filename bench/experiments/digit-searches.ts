/** Campaigns of the bundled digit networks on equal budgets. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isConfirmedFault } from '../../src/campaign/findings/fault-registry.ts';
import type { CampaignSummary } from '../../src/campaign/monitor/monitor.ts';
import { runCampaign } from '../../src/campaign/run-campaign.ts';
import { campaignSchema } from '../../src/config/schema.ts';
import { encodeNpy } from '../../src/tensor/npy.ts';
import { decodeNpz, encodeNpz } from '../../src/tensor/npz.ts';
import { digitSeeds, silentMonitor } from '../campaign.ts';
import { writeFaultPerClass } from '../flawed.ts';
import { spentSeconds } from '../processes.ts';
import { nanDigits, nanSettings } from './nan.ts';

/** What a campaign may spend: mutants, or seconds of its processes' CPU time or of the wall clock. */
export type Budget = 'mutants' | 'cpu' | 'wall';

/** A model with an objective that none of its seeds violates. */
export interface Target {
  readonly settings: Readonly<Record<string, unknown>>;
  /** Mutants of a campaign. */
  readonly execs: number;
  /** Inputs like those that the model was trained on, for criteria that compare with such; absent where there are only the seeds. */
  readonly reference?: string;
}

/** How a campaign ended. */
export interface Outcome {
  /** What the budget counts: mutants or seconds until the first fault, or the whole budget where there is none. */
  readonly first: number;
  readonly isFound: boolean;
  /** Seeds with a mutant that violates the objective where it counts them, otherwise faults. */
  readonly faults: number;
  readonly execs: number;
}

/** Milliseconds between two looks at the CPU time. */
const CPU_INTERVAL = 50;

const corpora = new URL('../../../corpora', import.meta.url).pathname;

/** Digits that criteria compare with. */
const REFERENCE_DIGITS = 3000;

/**
 * The models of the comparisons, by name.
 *
 * @param mnist the network of MNIST, if it takes part: the folder of MNIST, and the one in which the trained network is kept
 */
export async function digitTargets(
  folder: string,
  mnist?: { readonly data: string; readonly cache: string },
): Promise<ReadonlyMap<string, Target>> {
  const [nan, pair] = [join(corpora, 'nan-digits'), join(corpora, 'quantized-digits')];
  const seeds = join(pair, 'seeds.npz');
  const [[, { shape }]] = decodeNpz(await readFile(seeds), seeds);
  // The digits were drawn in turn.
  const labels = join(folder, 'labels.npy');
  const data32 = Int32Array.from({ length: shape[0] }, (_, i) => i % 10);
  await writeFile(labels, encodeNpy({ type: 'int32', shape: [shape[0]], data: data32 }));
  const ofPair = { model: join(pair, 'digits.onnx'), seeds, range: [-1, 1] };
  const images = await digitSeeds(folder, REFERENCE_DIGITS);
  const labelled = await labelledDigits(folder, images);
  const ofNan = nanSettings(nan);
  return new Map<string, Target>([
    ['nan', { settings: ofNan, execs: 40_000, reference: labelled }],
    [
      'several',
      { settings: { ...ofNan, model: await writeFaultPerClass(folder) }, execs: 60_000, reference: images },
    ],
    [
      'int8',
      {
        settings: {
          ...ofPair,
          against: join(pair, 'digits-int8.onnx'),
          objective: ['quantization'],
          linf: 0.4,
        },
        execs: 20_000,
        reference: images,
      },
    ],
    [
      'misclassified',
      {
        settings: { ...ofPair, labels, objective: ['misclassified'], linf: 0.2 },
        execs: 10_000,
        reference: images,
      },
    ],
    ...(mnist === undefined ? [] : [['mnist', await mnistTarget(mnist)] as const]),
  ]);
}

async function mnistTarget({
  data,
  cache,
}: {
  readonly data: string;
  readonly cache: string;
}): Promise<Target> {
  return { settings: nanSettings(await nanDigits(join(cache, 'mnist'), data)), execs: 40_000 };
}

/** Drawn digits with their labels, for a network that takes both. */
async function labelledDigits(folder: string, images: string): Promise<string> {
  const [image] = decodeNpz(await readFile(images), images);
  const [count] = image[1].shape;
  const data = Int32Array.from({ length: count }, (_, i) => i % 10);
  const path = join(folder, 'labelled.npz');
  await writeFile(path, encodeNpz([image, ['label', { type: 'int32', shape: [count], data }]]));
  return path;
}

/**
 * Runs a campaign until its budget is spent.
 *
 * @param seconds of a campaign from its first mutant on, where the budget is one of time
 */
export async function runWithin(
  settings: Readonly<Record<string, unknown>>,
  budget: Budget,
  seconds: number,
): Promise<Outcome> {
  const clock = (): number => (budget === 'wall' ? performance.now() / 1000 : spentSeconds(process.pid));
  let start: number | undefined;
  const spent = (): number => (start === undefined ? 0 : clock() - start);
  const abort = new AbortController();
  let firstSpent: number | undefined;
  const timer =
    budget === 'mutants'
      ? undefined
      : setInterval(() => {
          if (spent() >= seconds) abort.abort();
        }, CPU_INTERVAL);
  try {
    const monitor = {
      ...silentMonitor(),
      onStart: () => {
        start = clock();
      },
      onFault: (fault: Parameters<typeof isConfirmedFault>[0]) => {
        if (isConfirmedFault(fault)) firstSpent ??= spent();
      },
    };
    const { statistics } = await runCampaign(campaignSchema.parse(settings), monitor, abort.signal);
    const { execs } = statistics;
    const faults = faultsOf(statistics);
    if (budget === 'mutants') {
      const firsts = statistics.faults.filter(isConfirmedFault).map(({ firstExecs }) => firstExecs);
      return { first: Math.min(execs, ...firsts), isFound: firsts.length > 0, faults, execs };
    }
    const isFound = firstSpent !== undefined && firstSpent <= seconds;
    return { first: isFound ? (firstSpent ?? seconds) : seconds, isFound, faults, execs };
  } finally {
    clearInterval(timer);
  }
}

function faultsOf({ faults, seedAccounts }: CampaignSummary['statistics']): number {
  const [account] = seedAccounts;
  return account?.broken ?? faults.filter(isConfirmedFault).length;
}
