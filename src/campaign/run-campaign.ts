import { basename, join } from 'node:path';
import type { CampaignConfig } from '../config/schema.ts';
import { bytes, milliseconds } from '../config/values.ts';
import { makeFolder } from '../core/atomic-file.ts';
import { Interrupted } from '../core/errors.ts';
import { Threshold } from '../coverage/novelty-threshold.ts';
import { indexOf, measureHelp } from '../coverage/registry.ts';
import { limitCalls } from '../extensions/plugin-loader.ts';
import { Corpus } from '../fuzzer/corpus/corpus.ts';
import type { Executor } from '../fuzzer/executor.ts';
import { armTraits } from '../fuzzer/scheduling/mutator-arms.ts';
import { MutatorChoice } from '../fuzzer/scheduling/mutator-scheduler.ts';
import { epochLag, lagOf } from '../fuzzer/scheduling/task-sizes.ts';
import { Climbs } from '../fuzzer/search/directed-search.ts';
import { isSound, type RunSeed } from '../fuzzer/seed-runner.ts';
import { State } from '../fuzzer/state.ts';
import { type TestcaseData, testcaseId } from '../inputs/testcase.ts';
import { testcaseInputs } from '../model/batched-model.ts';
import type { LoadOptions, ModelInfo } from '../model/model.ts';
import { checkBuiltIn, objectiveSpecs } from '../objectives/registry.ts';
import { makeScheduler } from '../schedulers/registry.ts';
import { checkFolder, Store } from '../storage/campaign-store.ts';
import { STATE } from '../storage/journal.ts';
import { COPY, loadOptions } from '../storage/load-options.ts';
import { Lock } from '../storage/lock.ts';
import { Scout } from '../workers/probe-worker.ts';
import { Reproducer } from '../workers/rerun-client.ts';
import { cores, memoryShare } from '../workers/resource-limits.ts';
import type { WorkerSetup } from '../workers/services/fuzz-service.ts';
import { type OnReplaced, Pool } from '../workers/worker-pool.ts';
import { Slot, type SlotOptions } from '../workers/worker-supervisor.ts';
import { DerivedCopy } from './derived-model.ts';
import { enterImports, importPlaces, readImports } from './enter-imports.ts';
import { enterSeeds, settleThreshold } from './enter-seeds.ts';
import { Faults } from './findings/fault-registry.ts';
import { SeedSpan } from './findings/severity.ts';
import { figuresOf, GoOn, loop, writeStats } from './main-loop.ts';
import { checkSame, modelName, resolvedSettings } from './manifest.ts';
import type { Observer, Plan, Summary } from './monitor/monitor.ts';
import { Statistics } from './monitor/statistics.ts';
import { checkPair, modelPath } from './resolve/model-settings.ts';
import { callLimitOf, reconnoitre, type Target } from './resolve/target.ts';
import { readSaved, restore, type Saved } from './resume.ts';

/** A campaign's folder where the user names none. */
export function defaultFolder(config: Pick<CampaignConfig, 'out' | 'model'>): string {
  return config.out ?? join('neurofuzz-out', modelName(modelPath(config).asGiven));
}

/**
 * Runs one campaign from its settings to its summary.
 *
 * @param signal ends it in order
 * @param resume go on with the campaign in the folder
 * @param elsewhere makes what carries out tasks; worker processes here unless told
 * @throws UserError before anything is written where the request is wrong; MachineError where the machine
 *   fails; Interrupted where it is ended before there is a campaign
 */
export async function runCampaign(
  config: CampaignConfig,
  observer: Observer,
  signal: AbortSignal,
  resume = false,
  elsewhere?: Elsewhere,
): Promise<Summary> {
  const folder = defaultFolder(config);
  await checkBuiltIn(objectiveSpecs(config.objective));
  limitCalls(callLimitOf(config));
  checkPair(config);
  const derived = new DerivedCopy(folder);
  let lock: Lock | undefined;
  if (resume) lock = await Lock.acquire(folder);
  else await checkFolder(folder);
  const jobs = config.jobs ?? cores();
  const options: SlotOptions = {
    child: {
      timeout: milliseconds(config.timeout),
      memory: config.memory === undefined ? memoryShare(jobs) : bytes(config.memory),
    },
    model: { path: modelPath(config).absolute, options: loadOptions(config) },
  };
  const scout = new Scout(options.child, options.model);
  const interrupt = (): void => scout.close();
  signal.addEventListener('abort', interrupt);
  const slots: Slot[] = [];
  let begun = false;
  const begin = async (): Promise<void> => {
    signal.removeEventListener('abort', interrupt);
    if (!resume) {
      await makeFolder(folder, 'the campaign folder');
      lock = await Lock.acquire(folder);
      await checkFolder(folder);
    }
    begun = true;
  };
  try {
    const target = await reconnoitre(config, observer, scout, derived);
    const saved = resume ? await readSaved(folder) : undefined;
    // The other workers start while the first one runs the seeds.
    const count = elsewhere === undefined ? jobs - 1 : 0;
    const others = Array.from({ length: count }, () => slotFor({ folder, options, target }));
    slots.push(...others);
    return await runTarget({
      config,
      observer,
      signal,
      folder,
      options,
      scout,
      others,
      target,
      derived,
      saved,
      begin,
      elsewhere,
    });
  } catch (error) {
    if (signal.aborted && !begun) throw new Interrupted('interrupted before the campaign began');
    throw error;
  } finally {
    scout.close();
    for (const slot of slots) slot.close();
    await derived.close();
    await lock?.release();
  }
}

function slotFor(
  { folder, options, target }: Pick<Parts, 'folder' | 'options' | 'target'>,
  child?: Scout['child'],
): Slot {
  const { path, setup, model } = target;
  const loading = { path: path.absolute, options: loadingOf(options, target) };
  return new Slot({ ...options, model: loading }, setup, model.sha256, join(folder, STATE), child);
}

/** How the model is loaded from now on, on the runtimes that were settled on. */
function loadingOf(options: SlotOptions, { model, copy }: Target): LoadOptions {
  const own = { ...options.model.options, runtime: model.runtime.kind };
  return copy === undefined
    ? own
    : { ...own, copy: { ...copy, runtime: model.copy?.runtime.kind ?? copy.runtime } };
}

/** Classes that seeds show by the seeds' ids, as entries name their ancestors. */
function labelsById({ labels }: Target['inputs']): ReadonlyMap<string, number> | undefined {
  return labels && new Map([...labels].map(([seed, label]) => [testcaseId(seed), label]));
}

/** The second model as findings name it: the same in two campaigns wherever their folders lie. */
function givenCopy(config: CampaignConfig, { path, model }: Target, recorded: unknown): string | undefined {
  if (model.copy === undefined) return undefined;
  if (typeof recorded === 'string') return recorded;
  if (config.quantize !== undefined) return `${COPY}/${basename(model.copy.path)}`;
  return config.against ?? path.asGiven;
}

/** Deaths that people are told of; later ones are in events.jsonl and in the figures. */
const TOLD_DEATHS = 3;

function tellOfDeaths(store: Store, observer: Observer): OnReplaced {
  let deaths = 0;
  return ({ kind, how, message }, { number: task }) => {
    deaths++;
    if (deaths <= TOLD_DEATHS) observer.warn(`a worker died in task ${task} and is replaced: ${message}`);
    // The campaign notices a full disk by what it writes itself.
    store.event('worker-replaced', { task, kind, how }).catch(() => {});
  };
}

interface Parts {
  readonly config: CampaignConfig;
  readonly observer: Observer;
  readonly signal: AbortSignal;
  readonly folder: string;
  readonly options: SlotOptions;
  readonly scout: Scout;
  /** All workers but the first, which is the scout until then. */
  readonly others: readonly Slot[];
  readonly target: Target;
  readonly derived: DerivedCopy;
  readonly saved: Saved | undefined;
  /** Makes the folder this campaign's own; nothing is written before. */
  readonly begin: () => Promise<void>;
  readonly elsewhere: Elsewhere | undefined;
}

/** What another executor than this machine's worker processes is made from. */
export interface ExecutorParts {
  readonly setup: WorkerSetup;
  readonly model: ModelInfo;
  /** How the model is loaded, on the runtimes that were settled on. */
  readonly loading: SlotOptions['model'];
  readonly timeout: number;
  /** Where tasks get what they need: the corpus. */
  readonly supply: State;
  /** Some seeds and what the model makes of them here: another machine must make the same of them. */
  readonly trials: readonly Trial[];
  readonly observer: Observer;
}

/** A testcase with the activations that it has. */
export interface Trial {
  readonly data: TestcaseData;
  readonly activations: Float32Array;
}

/** Makes what carries out tasks elsewhere. */
export interface Elsewhere {
  /** Whether machines may take part that compute otherwise in the last digits. */
  readonly mixed: boolean;
  /** @throws UserError where what a worker needs can't be there; nothing was written yet */
  check(setup: WorkerSetup, loading: LoadOptions): Promise<void>;
  make(parts: ExecutorParts): Promise<Executor>;
}

/** Seeds that another machine is tried on. */
const TRIALS = 4;

function trialsOf(seeds: readonly RunSeed[]): Trial[] {
  return seeds
    .filter(isSound)
    .slice(0, TRIALS)
    .map(({ data, activations }) => ({ data, activations }));
}

/** Worker processes here: the scout's, and the others. */
function poolOf(parts: Parts, state: State, onReplaced: OnReplaced): Pool {
  const slots = [slotFor(parts, parts.scout.child), ...parts.others];
  for (const slot of slots) slot.supplyFrom(state);
  return new Pool(slots, onReplaced);
}

async function runTarget(parts: Parts): Promise<Summary> {
  const { config, observer, signal, folder, options, scout, others, target, saved } = parts;
  const jobs = others.length + 1;
  const { path, model, masterSeed, watched, inputs, batch, setup } = target;
  const taken = testcaseInputs(inputs.inputs);
  const runtime = model.runtime.kind;

  const seeds = saved?.checkpoint === undefined ? await scout.seeds(inputs.seeds, inputs.labels) : [];
  const places = config.corpus === undefined ? undefined : await importPlaces([config.corpus].flat());
  const imports =
    places === undefined || saved?.checkpoint !== undefined
      ? []
      : await readImports(places, inputs, setup.varying, observer);
  const threshold = saved?.threshold ?? (await settleThreshold(config, scout, seeds, observer));
  observer.info(
    `coverage ${watched.tensors.join(', ')}: ${watched.why}; compared by ${measureHelp(config.measure)}; threshold ${threshold.value}: ${threshold.why}`,
  );
  const recorded = saved?.settings.resolved.modelGiven;
  const modelGiven = typeof recorded === 'string' ? recorded : path.asGiven;
  const copyGiven = givenCopy(config, target, saved?.settings.resolved.copyGiven);
  const settings = resolvedSettings(config, {
    folder,
    masterSeed,
    model,
    batch,
    path: path.absolute,
    modelGiven,
    copyGiven,
    watched,
    threshold: threshold.value,
    inputs,
    imports: places?.places.map(({ lineage }) => lineage.id) ?? [],
  });
  if (saved !== undefined) {
    for (const change of checkSame(folder, saved.settings, settings)) observer.warn(`since then ${change}`);
  }
  await parts.elsewhere?.check(setup, loadingOf(options, target));
  await parts.begin();
  const store =
    saved === undefined
      ? await Store.create(folder, settings, inputs.pictures)
      : await Store.open(folder, inputs.pictures, saved.checkpoint?.entries ?? 0);
  await parts.derived.keep();
  const reproducer = new Reproducer(options.child);
  const faults = new Faults({
    store,
    reproducer,
    objectives: setup.objectives,
    timed: target.objectives.flatMap(({ name, timed }) => (timed === true ? [name] : [])),
    modelPath: path.absolute,
    load: loadingOf(options, target),
    model: { path: modelGiven, sha256: model.sha256, runtime },
    ...(model.copy === undefined || copyGiven === undefined
      ? {}
      : { copy: { path: copyGiven, sha256: model.copy.sha256, runtime: model.copy.runtime.kind } }),
    masterSeed,
    keep: config.keep,
    compares: target.compares,
    singly: target.singly,
    traces: setup.traces,
    span: new SeedSpan(inputs.seeds),
    pictures: inputs.pictures,
    textOf: inputs.textOf,
    pads: inputs.traits.map(({ tokens }) => tokens?.pad),
  });
  const arms = await armTraits(inputs.mutators);
  const makeChoice = (): MutatorChoice =>
    new MutatorChoice(
      inputs.traits.map(({ name }) => name),
      arms,
      config.guidance !== 'none',
    );
  const width = saved?.checkpoint?.width ?? seeds.find(isSound)?.activations.length ?? 0;
  const state = new State({
    store,
    corpus: new Corpus(folder, taken),
    faults,
    scheduler: await makeScheduler(config),
    index:
      config.guidance === 'none' || width === 0
        ? undefined
        : indexOf(width, { folder: join(folder, STATE), writes: true }),
    threshold: new Threshold(threshold.value, config.threshold === 'auto', config.epoch !== undefined),
    masterSeed,
    batch,
    traits: inputs.traits,
    arms,
    choice: makeChoice(),
    sites: model.sites,
    unreachable: target.unreachable,
    climbs:
      setup.points.length === 0 ? undefined : { search: new Climbs(setup.points), choice: makeChoice() },
    limits: inputs.limits,
    labels: labelsById(inputs),
    objectives: target.objectives.map(({ name }) => name),
    execs: config.execs ?? Number.POSITIVE_INFINITY,
    lag: config.epoch === undefined ? lagOf : epochLag(config.epoch),
    singleBatches: model.generation !== undefined,
    maxCorpus: config.maxCorpus ?? Number.POSITIVE_INFINITY,
  });
  const plan: Plan = {
    folder,
    masterSeed,
    model,
    jobs,
    batch,
    coverage: { tensors: watched.tensors, measure: config.measure, threshold: threshold.value },
    seeds: inputs.seeds.length,
  };
  observer.planned(plan);
  let pool: Executor | undefined;
  try {
    await store.event(saved === undefined ? 'start' : 'resume', {
      seed: masterSeed,
      ...(parts.elsewhere === undefined ? { jobs } : { queue: true, mixed: parts.elsewhere.mixed }),
    });
    if (saved !== undefined) await restore({ saved, state, store, scout, inputs: taken, observer });
    if (saved?.checkpoint === undefined) {
      await enterSeeds(seeds, state, faults, observer, folder);
      await enterImports(imports, scout, labelsById(inputs), state, faults, observer, folder);
    }
    const before = saved?.checkpoint?.elapsedSeconds ?? 0;
    await store.flush(new GoOn(state, () => before).checkpoint);
    const statistics = new Statistics(before);
    const goOn = new GoOn(state, () => statistics.elapsed);
    const executor = parts.elsewhere
      ? await parts.elsewhere.make({
          setup,
          model,
          loading: { path: path.absolute, options: loadingOf(options, target) },
          timeout: options.child.timeout,
          supply: state,
          trials: trialsOf(seeds.length > 0 ? seeds : await scout.seeds(inputs.seeds.slice(0, TRIALS))),
          observer,
        })
      : poolOf(parts, state, tellOfDeaths(store, observer));
    pool = executor;
    const running = {
      config,
      observer,
      signal,
      store,
      faults,
      state,
      statistics,
      executor,
      reproducer,
      goOn,
    };
    const stopped = await loop(running);
    const figures = figuresOf(running);
    executor.close();
    await store.flush(goOn.checkpoint);
    await faults.write();
    await writeStats(store, figures);
    await store.event('stop', { stopped, execs: state.execs });
    return { ...plan, figures, stopped };
  } finally {
    pool?.close();
    await pool?.ended;
    reproducer.close();
  }
}
