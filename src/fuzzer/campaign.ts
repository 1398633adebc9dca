import { randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { checkFolder, Store } from '../campaign/store.ts';
import type { CampaignConfig } from '../config/schema.ts';
import { byInput, milliseconds } from '../config/values.ts';
import { isFiniteVector } from '../coverage/index.ts';
import { indexOf, type Measure } from '../coverage/measure.ts';
import { Threshold } from '../coverage/threshold.ts';
import type { Model } from '../models/model.ts';
import { loadModel } from '../models/registry.ts';
import { makeBlock, RowModel } from '../models/rows.ts';
import { copyInto } from '../models/tensor.ts';
import { type Fault, Faults } from './faults.ts';
import { defaultBatch, lagOf } from './plan.ts';
import { schedulerOf } from './schedulers/registry.ts';
import { type RunSeed, runSeeds, settleThreshold } from './seeding.ts';
import { State } from './state.ts';
import { type Figures, Statistics } from './statistics.ts';
import {
  type CoverageChoice,
  chooseCoverage,
  type InputPlan,
  makeObjectives,
  modelPath,
  type Notes,
  planInputs,
} from './target.ts';
import type { TaskResult } from './task.ts';
import { Worker, type WorkerOptions } from './worker.ts';

const { version } = createRequire(import.meta.url)('neurofuzz/package.json') as { version: string };

/** Milliseconds between looks at the figures, and between writes of them. */
const SHOW_EVERY = 250;
const STATS_EVERY = 5000;
/** Milliseconds between writes of the corpus: at most this much of it is lost when killed. */
const FLUSH_EVERY = 1000;

/** Why a campaign ended. */
export type Stopped = 'execs' | 'time' | 'finding' | 'interrupted' | 'seeds';

/** What was resolved before the first mutant. */
export interface Plan {
  readonly folder: string;
  readonly masterSeed: string;
  readonly model: Model;
  readonly batch: number;
  readonly coverage: {
    readonly tensors: readonly string[];
    readonly measure: Measure['name'];
    readonly threshold: number;
  };
  readonly seeds: number;
}

/** What a finished campaign has to show. */
export interface Summary extends Plan {
  readonly figures: Figures;
  readonly stopped: Stopped;
}

/** Who watches a campaign. */
export interface Observer extends Notes {
  planned(plan: Plan): void;
  found(fault: Fault, folder: string): void;
  figures(figures: Figures): void;
}

/**
 * Runs one campaign from its settings to its summary.
 *
 * @param signal ends it in order
 * @throws UserError before anything is written where the request is wrong; MachineError where the machine fails
 */
export async function runCampaign(
  config: CampaignConfig,
  observer: Observer,
  signal: AbortSignal,
): Promise<Summary> {
  const path = modelPath(config);
  const folder = config.out ?? join('neurofuzz-out', modelName(path.asGiven));
  await checkFolder(folder);
  const masterSeed = config.seed ?? randomBytes(8).toString('hex');
  const objectives = makeObjectives(config.objective);
  const model = await loadModel(path.absolute, { runtime: config.runtime });
  observer.info(
    `model ${path.asGiven}: ${model.format}, on ${model.runtime.kind} (${model.runtime.version}): ${model.runtime.why}`,
  );
  const choice = chooseCoverage(model, config);
  const inputs = await planInputs(model, config, masterSeed, observer);
  const rows = new RowModel(model, inputs.seeds.layout);
  const limited = await rows.probe(firstSeeds(inputs), choice.tensors);
  if (limited !== undefined) observer.warn(`${limited}: batches are of one`);
  const { layout } = rows;
  const values = layout.inputs.reduce((sum, input) => sum + input.size, 0);
  const batch = Math.min(config.batch ?? defaultBatch(values), rows.largestBatch);
  const workerOptions: WorkerOptions = {
    model: rows,
    objectives,
    mutators: inputs.mutators,
    ranges: inputs.ranges,
    linf: config.linf,
    watched: choice.tensors,
    measure: choice.measure,
    masterSeed,
    batch,
    keep: config.keep,
  };
  const worker = new Worker(workerOptions);
  const seeds = await runSeeds(workerOptions, inputs);
  const threshold = await settleThreshold(config, workerOptions, seeds, observer);
  observer.info(
    `coverage ${choice.tensors.join(', ')}: ${choice.why}; compared by ${choice.measure.help}; threshold ${threshold.value}: ${threshold.why}`,
  );

  const mutators = inputs.mutators.flatMap((mutator, i) =>
    mutator === undefined ? [] : [`${layout.inputs[i].name}:${mutator.name}`],
  );
  const store = await Store.create(
    folder,
    resolvedSettings(config, {
      folder,
      masterSeed,
      model,
      batch,
      path: path.absolute,
      choice,
      threshold: threshold.value,
      inputs,
    }),
    layout.inputs,
    inputs.ranges,
  );
  const faults = new Faults({
    store,
    objectives,
    layout,
    openModel: () => loadModel(path.absolute, { runtime: model.runtime.kind }),
    model: { path: path.asGiven, sha256: model.sha256, runtime: model.runtime.kind },
    masterSeed,
    keep: config.keep,
  });
  const width = seeds.find((seed) => seed.violation === undefined)?.activations.length ?? 0;
  const state = new State({
    inputs: layout.inputs,
    store,
    faults,
    scheduler: schedulerOf(config),
    index: config.guidance === 'none' || width === 0 ? undefined : indexOf(width),
    threshold: new Threshold(threshold.value, config.threshold === 'auto'),
    masterSeed,
    batch,
    mutators,
    execs: config.execs ?? Number.POSITIVE_INFINITY,
  });
  const plan: Plan = {
    folder,
    masterSeed,
    model,
    batch,
    coverage: { tensors: choice.tensors, measure: choice.measure.name, threshold: threshold.value },
    seeds: inputs.seeds.rows.length,
  };
  observer.planned(plan);
  await store.event('start', { seed: masterSeed });
  const statistics = new Statistics();
  try {
    await enterSeeds(seeds, state, faults, observer, folder);
    const stopped = await loop({ config, observer, signal, store, faults, state, statistics, worker });
    await store.flush();
    await faults.write();
    const figures = figuresOf(statistics, state, faults);
    await store.stats(statsOf(figures));
    await store.event('stop', { stopped, execs: state.execs });
    return { ...plan, figures, stopped };
  } finally {
    await model.dispose();
  }
}

interface LoopParts {
  readonly config: CampaignConfig;
  readonly observer: Observer;
  readonly signal: AbortSignal;
  readonly store: Store;
  readonly faults: Faults;
  readonly state: State;
  readonly statistics: Statistics;
  readonly worker: Worker;
}

/**
 * Issues tasks, runs them, and takes their results in order, each as late as the lag allows: a campaign on
 * many workers has them out that long, and must come to the same.
 */
async function loop(parts: LoopParts): Promise<Stopped> {
  const { config, observer, signal, store, faults, state, statistics, worker } = parts;
  if (config.untilFinding && faults.confirmed.length > 0) return 'finding';
  if (state.corpus.entries.length === 0) return 'seeds';
  const deadline = config.time === undefined ? Number.POSITIVE_INFINITY : milliseconds(config.time) / 1000;
  const pending: TaskResult[] = [];
  const due = { show: 0, stats: STATS_EVERY, flush: FLUSH_EVERY };

  const take = async (result: TaskResult): Promise<boolean> => {
    const step = await state.take(result, statistics.elapsed, config.untilFinding);
    statistics.task(result.seconds, step.added);
    for (const fault of step.faults) {
      await store.event('signature', { signature: fault.signature, execs: fault.firstExecs });
      observer.found(fault, store.folder);
    }
    return config.untilFinding && faults.confirmed.length > 0;
  };

  for (;;) {
    if (signal.aborted) return 'interrupted';
    if (statistics.elapsed >= deadline) return 'time';
    while (pending.length > 0 && pending[0].task <= state.upcoming - lagOf(state.upcoming)) {
      if (await take(pending.shift() as TaskResult)) return 'finding';
    }
    const task = state.nextTask();
    if (task === undefined) break;
    pending.push(await worker.run(task, state.snapshot));
    const now = statistics.elapsed * 1000;
    if (now >= due.show) {
      due.show = now + SHOW_EVERY;
      observer.figures(figuresOf(statistics, state, faults));
      // The model runs without yielding; this lets signals in.
      await new Promise((done) => setImmediate(done));
    }
    if (now >= due.flush) {
      due.flush = now + FLUSH_EVERY;
      await store.flush();
    }
    if (now >= due.stats) {
      due.stats = now + STATS_EVERY;
      await store.stats(statsOf(figuresOf(statistics, state, faults)));
      await faults.write();
    }
  }
  for (const result of pending) if (await take(result)) return 'finding';
  return 'execs';
}

function figuresOf(statistics: Statistics, state: State, faults: Faults): Figures {
  const { entries, seeds } = state.corpus;
  return statistics.figures({
    execs: state.execs,
    corpus: entries.length,
    seeds,
    threshold: state.threshold,
    hits: faults.hits,
    faults: faults.all,
  });
}

function statsOf({ faults, ...figures }: Figures): Readonly<Record<string, unknown>> {
  const signatures = faults.map(
    ({ signature, objective, summary, hits, kept, flaky, firstExecs, firstSeconds, path }) => ({
      signature,
      objective,
      summary,
      hits,
      kept,
      flaky,
      firstExecs,
      firstSeconds,
      path,
    }),
  );
  return { ...figures, signatures };
}

function firstSeeds(inputs: InputPlan) {
  const { layout, rows } = inputs.seeds;
  const block = makeBlock(layout.inputs, 2);
  for (let row = 0; row < 2; row++) {
    rows[row % rows.length].forEach((values, i) => {
      copyInto(block.columns[i], values, row * layout.inputs[i].size);
    });
  }
  return block;
}

async function enterSeeds(
  seeds: readonly RunSeed[],
  state: State,
  faults: Faults,
  observer: Observer,
  folder: string,
): Promise<void> {
  let twins = 0;
  for (const { data, activations, violation } of seeds) {
    if (violation === undefined) {
      if (isFiniteVector(activations, 0, activations.length)) {
        if (!state.addSeed(data, activations)) twins++;
      } else observer.warn('a seed whose activations are not finite is left out');
      continue;
    }
    const hit = { parent: -1, execs: 0, violation, data, batch: { data, rows: 1, row: 0 } };
    const fault = await faults.add(hit, 0, [], undefined, undefined, 0);
    faults.count([{ signature: violation.signature, hits: 1 }]);
    if (fault !== undefined) observer.found(fault, folder);
  }
  if (twins > 0) observer.warn(`${twins} of the seeds are equal to others and count once`);
  const broken = seeds.filter((seed) => seed.violation !== undefined).length;
  if (broken > 0)
    observer.warn(
      `${broken} of ${seeds.length} seeds break an objective already: they are findings and are not fuzzed`,
    );
}

/** A model's name: its file's without the ending, or its folder's where the file is a model.json. */
export function modelName(path: string): string {
  const file = basename(path);
  if (file === 'model.json') return basename(dirname(resolve(path)));
  return file.replace(/\.[^.]+$/, '') || 'model';
}

interface Resolved {
  readonly folder: string;
  readonly masterSeed: string;
  readonly model: Model;
  readonly batch: number;
  readonly path: string;
  readonly choice: CoverageChoice;
  readonly threshold: number;
  readonly inputs: InputPlan;
}

/** What campaign.yaml holds: settings that give the same campaign again, and what they were resolved with. */
function resolvedSettings(config: CampaignConfig, resolved: Resolved): Readonly<Record<string, unknown>> {
  const { folder, masterSeed, model, batch, path, choice, threshold, inputs } = resolved;
  const here = (file: string): string => relative(resolve(folder), resolve(file));
  const names = model.inputs.map((input) => input.name);
  const places = byInput(config.seeds, names);
  const seeds = [
    ...places.forAll.map(here),
    ...[...places.byName].map(([name, file]) => `${name}=${here(file)}`),
  ];
  const settings = {
    ...config,
    model: here(path),
    ...(seeds.length > 0 ? { seeds } : {}),
    range: Object.fromEntries(names.map((name, i) => [name, [inputs.ranges[i].low, inputs.ranges[i].high]])),
    mutator:
      config.mutator ??
      Object.fromEntries(names.map((name, i) => [name, inputs.mutators[i]?.name ?? 'none'])),
    coverage: [...choice.tensors],
    measure: choice.measure.name,
    runtime: model.runtime.kind,
    batch,
    seed: masterSeed,
  };
  const { out: _out, ...kept } = settings;
  const defined = Object.fromEntries(Object.entries(kept).filter(([, value]) => value !== undefined));
  return {
    ...defined,
    resolved: {
      neurofuzz: version,
      node: process.version,
      runtime: model.runtime.version,
      modelSha256: model.sha256,
      threshold,
      inputs: inputs.seeds.layout.inputs.map(({ name, type, shape }) => ({ name, type, shape: [...shape] })),
      outputs: [...model.outputs],
    },
  };
}
