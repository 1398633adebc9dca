import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { checkFolder, Store } from '../campaign/store.ts';
import type { CampaignConfig } from '../config/schema.ts';
import { isFiniteVector } from '../coverage/index.ts';
import { indexOf } from '../coverage/measure.ts';
import { Threshold } from '../coverage/threshold.ts';
import { loadModel } from '../models/registry.ts';
import { packRows, RowModel } from '../models/rows.ts';
import { makeObjectives } from '../objectives/registry.ts';
import { Faults } from './faults.ts';
import { figuresOf, loop, statsOf } from './loop.ts';
import type { Observer, Plan, Summary } from './observer.ts';
import { defaultBatch } from './plan.ts';
import { modelName, resolvedSettings } from './resolved.ts';
import { schedulerOf } from './schedulers/registry.ts';
import { type RunSeed, runSeeds, settleThreshold } from './seeding.ts';
import { State } from './state.ts';
import { Statistics } from './statistics.ts';
import { chooseCoverage, modelPath, planInputs } from './target.ts';
import { Worker, type WorkerOptions } from './worker.ts';

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
  const [first, second = first] = inputs.seeds.rows;
  const limited = await rows.probe(packRows(rows.layout.inputs, [first, second]), choice.tensors);
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
    await store.flush();
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
  if (broken > 0) {
    observer.warn(
      `${broken} of ${seeds.length} seeds break an objective already: they are findings and are not fuzzed`,
    );
  }
}
