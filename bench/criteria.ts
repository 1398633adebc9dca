/**
 * Compares coverage criteria, or with `--schedulers` schedulers, on equal budgets of mutants and of CPU time (or of wall-clock time):
 * mutants to the first fault and faults found on the bundled digit networks, with several master seeds, and rank tests against the random
 * control and against `norm`. Prints a JSON line for each campaign, and a table for each model and budget.
 */
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { isConfirmedFault } from '../src/campaign/findings/fault-registry.ts';
import type { CampaignSummary } from '../src/campaign/monitor/monitor.ts';
import { runCampaign } from '../src/campaign/run-campaign.ts';
import { campaignSchema } from '../src/config/schema.ts';
import { CRITERIA } from '../src/coverage/registry.ts';
import { SCHEDULERS } from '../src/schedulers/registry.ts';
import { encodeNpy } from '../src/tensor/npy.ts';
import { decodeNpz } from '../src/tensor/npz.ts';
import { line, median, silentMonitor, withFolder } from './campaign.ts';
import { writeFaultPerClass } from './flawed.ts';
import { spentSeconds } from './processes.ts';
import { tracked } from './progress.ts';
import { compareRanks } from './rank-test.ts';

type Budget = 'mutants' | 'cpu' | 'wall';

const { values: options } = parseArgs({
  options: {
    seeds: { type: 'string', default: '5' },
    models: { type: 'string', default: 'nan,int8,misclassified' },
    budgets: { type: 'string', default: 'mutants,cpu' },
    /** Seconds of a campaign from its first mutant on, by `cpu` of all its processes or by `wall` clock. */
    seconds: { type: 'string', default: '2' },
    /** Mutants of a campaign are those of its model times this. */
    scale: { type: 'string', default: '1' },
    /** Only these searches, by name or by the spec of a criterion or scheduler; the control and `norm` always run. */
    only: { type: 'string' },
    schedulers: { type: 'boolean', default: false },
    /** Mutator of the images; those of their kind by default. */
    mutator: { type: 'string' },
    jobs: { type: 'string', default: '2' },
  },
});

/** A model with an objective that none of its seeds violates. */
interface Target {
  readonly settings: Readonly<Record<string, unknown>>;
  /** Mutants of a campaign. */
  readonly execs: number;
}

/** How a campaign ended. */
interface Outcome {
  /** What the budget counts: mutants or seconds until the first fault, or the whole budget where there is none. */
  readonly first: number;
  readonly isFound: boolean;
  /** Seeds with a mutant that violates the objective where it counts them, otherwise faults. */
  readonly faults: number;
  readonly execs: number;
}

/** A search by its name, with what it changes in the settings. */
type Searches = ReadonlyMap<string, Readonly<Record<string, unknown>>>;

const CONTROL = 'control';
const BASELINE = options.schedulers ? 'yield' : 'norm';

/** Milliseconds between two looks at the CPU time. */
const CPU_INTERVAL = 50;

const corpora = new URL('../../corpora', import.meta.url).pathname;

async function targets(folder: string): Promise<ReadonlyMap<string, Target>> {
  const [nan, pair] = [join(corpora, 'nan-digits'), join(corpora, 'quantized-digits')];
  const seeds = join(pair, 'seeds.npz');
  const [[, { shape }]] = decodeNpz(await readFile(seeds), seeds);
  // The digits were drawn in turn.
  const labels = join(folder, 'labels.npy');
  const data = Int32Array.from({ length: shape[0] }, (_, i) => i % 10);
  await writeFile(labels, encodeNpy({ type: 'int32', shape: [shape[0]], data }));
  const ofPair = { model: join(pair, 'digits.onnx'), seeds, range: [-1, 1] };
  return new Map<string, Target>([
    [
      'nan',
      {
        settings: {
          model: join(nan, 'nan-digits.onnx'),
          seeds: join(nan, 'seeds.npz'),
          mutator: { label: 'none' },
          range: { image: [-1, 1] },
        },
        execs: 40_000,
      },
    ],
    [
      'several',
      {
        settings: {
          model: await writeFaultPerClass(folder),
          seeds: join(nan, 'seeds.npz'),
          mutator: { label: 'none' },
          range: { image: [-1, 1] },
        },
        execs: 60_000,
      },
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
      },
    ],
    [
      'misclassified',
      { settings: { ...ofPair, labels, objective: ['misclassified'], linf: 0.2 }, execs: 10_000 },
    ],
  ]);
}

/** A criterion alone, of sets and covariances on all layers; or a scheduler in a search by `norm` alone. */
function searchBy(spec: string): Readonly<Record<string, unknown>> {
  if (options.schedulers) {
    SCHEDULERS.check(spec);
    return { guidance: 'ann', measure: 'norm', scheduler: spec };
  }
  const { feedback = 'distance' } = CRITERIA.resolveBuiltIn(spec).kind;
  return { guidance: 'ann', measure: spec, coverage: [feedback === 'distance' ? 'auto' : 'layers'] };
}

/** The searches that are compared: every criterion or scheduler, the default search with gradients, and random search. */
function selectSearches(): Searches {
  const others = new Map<string, Readonly<Record<string, unknown>>>([
    ...(options.schedulers ? [] : [['gradients', {}] as const]),
    [CONTROL, { guidance: 'none' }],
  ]);
  // The networks have no attention.
  const all = (options.schedulers ? SCHEDULERS : CRITERIA).names().filter((name) => name !== 'attention');
  const names =
    options.only === undefined ? [...all, ...others.keys()] : [BASELINE, ...options.only.split(','), CONTROL];
  return new Map([...new Set(names)].map((name) => [name, others.get(name) ?? searchBy(name)]));
}

/** Runs a campaign until its budget is spent. */
async function run(settings: Readonly<Record<string, unknown>>, budget: Budget): Promise<Outcome> {
  const seconds = Number(options.seconds);
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

/** The table of a model and a budget, in Markdown. */
function describe(results: ReadonlyMap<string, readonly Outcome[]>, budget: Budget): string[] {
  const firstsOf = (name: string): number[] => (results.get(name) ?? []).map(({ first }) => first);
  const number = (value: number): string =>
    budget === 'mutants' ? Math.round(value).toLocaleString('en-US') : value.toFixed(2);
  const against = (name: string, other: string): string[] => {
    if (name === other) return ['', ''];
    const { p, smaller } = compareRanks(firstsOf(name), firstsOf(other));
    return [smaller.toFixed(2), p.toFixed(3)];
  };
  // More faults are better.
  const faultsAgainst = (name: string, other: string): string[] => {
    if (name === other) return ['', ''];
    const faultCounts = (search: string): number[] => (results.get(search) ?? []).map(({ faults }) => faults);
    const { p, smaller } = compareRanks(faultCounts(other), faultCounts(name));
    return [smaller.toFixed(2), p.toFixed(3)];
  };
  const unit = budget === 'mutants' ? 'mutants' : `${budget} seconds`;
  const header = [
    'search',
    'found',
    `${unit}, median`,
    'worst',
    'faults, median',
    'mutants run, median',
    'A12 control',
    'p',
    `A12 ${BASELINE}`,
    'p',
    `faults: A12 ${BASELINE}`,
    'p',
  ];
  const rows = [...results].map(([name, outcomes]) => {
    const firsts = firstsOf(name);
    const atBudget = (value: number): string =>
      outcomes.some(({ first, isFound }) => first === value && !isFound)
        ? `≥ ${number(value)}`
        : number(value);
    return [
      name,
      `${outcomes.filter(({ isFound }) => isFound).length} of ${outcomes.length}`,
      atBudget(median(firsts)),
      atBudget(Math.max(...firsts)),
      String(median(outcomes.map(({ faults }) => faults))),
      Math.round(median(outcomes.map(({ execs }) => execs))).toLocaleString('en-US'),
      ...against(name, CONTROL),
      ...against(name, BASELINE),
      ...faultsAgainst(name, BASELINE),
    ];
  });
  return [header, header.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`);
}

await withFolder(async (folder) => {
  const all = await targets(folder);
  const searches = [...selectSearches()];
  const masters = Array.from({ length: Number(options.seeds) }, (_, i) => String(i + 1));
  const comparisons = options.models
    .split(',')
    .flatMap((model) => options.budgets.split(',').map((budget) => ({ model, budget: budget as Budget })));
  const campaigns = comparisons.flatMap((comparison) =>
    masters.flatMap((seed) => searches.map(([name, changes]) => ({ comparison, seed, name, changes }))),
  );
  const results = new Map(
    comparisons.map((comparison) => [
      comparison,
      new Map<string, Outcome[]>(searches.map(([name]) => [name, []])),
    ]),
  );
  for (const { comparison, seed, name, changes } of tracked('criteria', 'campaign', campaigns)) {
    const { model, budget } = comparison;
    const target = all.get(model);
    if (target === undefined) throw new Error(`no model ${model}: ${[...all.keys()].join(', ')}`);
    const execs = Math.round(target.execs * Number(options.scale));
    const out = join(folder, `${model}-${budget}-${name}-${seed}`);
    const settings = {
      ...target.settings,
      ...(options.mutator === undefined
        ? {}
        : { mutator: { ...(target.settings.mutator ?? {}), image: options.mutator } }),
      ...changes,
      ...(budget === 'mutants' ? { execs } : {}),
      seed,
      jobs: Number(options.jobs),
      out,
    };
    const outcome = await run(settings, budget);
    await rm(out, { recursive: true, force: true });
    results.get(comparison)?.get(name)?.push(outcome);
    line({
      bench: 'criteria',
      model,
      budget,
      search: name,
      seed,
      ...outcome,
      first: Number(outcome.first.toFixed(2)),
    });
  }
  for (const [{ model, budget }, outcomes] of results)
    process.stdout.write(`\n${model}, equal ${budget}\n\n${describe(outcomes, budget).join('\n')}\n`);
});
