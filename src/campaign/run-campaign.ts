import { basename, join } from 'node:path';
import type { CampaignConfig } from '../config/schema.ts';
import { parseDuration, parseSize } from '../config/values.ts';
import { makeFolder } from '../core/atomic-file.ts';
import { InterruptedError } from '../core/errors.ts';
import { NoveltyThreshold } from '../coverage/novelty-threshold.ts';
import { criterionHelp, makeNeighbourIndex } from '../coverage/registry.ts';
import { setCallTimeout } from '../extensions/plugin-loader.ts';
import { Corpus } from '../fuzzer/corpus/corpus.ts';
import type { Executor } from '../fuzzer/executor.ts';
import { describeArms } from '../fuzzer/scheduling/mutator-arms.ts';
import { MutatorScheduler } from '../fuzzer/scheduling/mutator-scheduler.ts';
import { epochFeedbackDelay, feedbackDelay } from '../fuzzer/scheduling/task-sizes.ts';
import { DirectedSearch } from '../fuzzer/search/directed-search.ts';
import { isFuzzable, type SeedResult } from '../fuzzer/seed-runner.ts';
import { FuzzerState } from '../fuzzer/state.ts';
import { type TestcaseData, testcaseId } from '../inputs/testcase.ts';
import { stripBatchDimension } from '../model/batched-model.ts';
import type { LoadOptions, ModelInfo } from '../model/model.ts';
import { checkBuiltIns, objectiveSpecs } from '../objectives/registry.ts';
import { makeScheduler } from '../schedulers/registry.ts';
import { CampaignStore, checkFolder } from '../storage/campaign-store.ts';
import { STATE_FOLDER } from '../storage/journal.ts';
import { DERIVED_MODEL_FOLDER, loadOptions, modelPath } from '../storage/load-options.ts';
import { Lock } from '../storage/lock.ts';
import { ProbeWorker } from '../workers/probe-worker.ts';
import { RerunClient } from '../workers/rerun-client.ts';
import { availableCores, memoryShare } from '../workers/resource-limits.ts';
import { type OnReplaced, WorkerPool } from '../workers/worker-pool.ts';
import type { WorkerSetup } from '../workers/worker-setup.ts';
import { WorkerSupervisor, type WorkerSupervisorOptions } from '../workers/worker-supervisor.ts';
import { DerivedModel } from './derived-model.ts';
import { enterImports, findImports, readImports } from './enter-imports.ts';
import { enterSeeds, resolveThreshold } from './enter-seeds.ts';
import { FaultRegistry } from './findings/fault-registry.ts';
import { SeedSpan } from './findings/severity.ts';
import { CheckpointSource, currentStatistics, runMainLoop, writeStats } from './main-loop.ts';
import { checkResumable, modelName, resolvedSettings } from './manifest.ts';
import type { CampaignPlan, CampaignSummary, Monitor } from './monitor/monitor.ts';
import { StatisticsCollector } from './monitor/statistics.ts';
import { checkSecondModel } from './resolve/model-settings.ts';
import { callLimitMs, resolveTarget, type Target } from './resolve/target.ts';
import { readSavedCampaign, restoreCampaign, type SavedCampaign } from './resume.ts';

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
  observer: Monitor,
  signal: AbortSignal,
  resume = false,
  elsewhere?: ExecutorFactory,
): Promise<CampaignSummary> {
  const folder = defaultFolder(config);
  await checkBuiltIns(objectiveSpecs(config.objective));
  setCallTimeout(callLimitMs(config));
  checkSecondModel(config);
  const derived = new DerivedModel(folder);
  let lock: Lock | undefined;
  if (resume) lock = await Lock.acquire(folder);
  else await checkFolder(folder);
  const jobs = config.jobs ?? availableCores();
  const options: WorkerSupervisorOptions = {
    child: {
      timeout: parseDuration(config.timeout),
      memory: config.memory === undefined ? memoryShare(jobs) : parseSize(config.memory),
    },
    model: { path: modelPath(config).absolute, options: loadOptions(config) },
  };
  const scout = new ProbeWorker(options.child, options.model);
  const interrupt = (): void => scout.close();
  signal.addEventListener('abort', interrupt);
  const slots: WorkerSupervisor[] = [];
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
    const target = await resolveTarget(config, observer, scout, derived);
    const saved = resume ? await readSavedCampaign(folder) : undefined;
    // The other workers start while the first one runs the seeds.
    const count = elsewhere === undefined ? jobs - 1 : 0;
    const others = Array.from({ length: count }, () => createSupervisor({ folder, options, target }));
    slots.push(...others);
    return await runTarget({
      config,
      monitor: observer,
      signal,
      folder,
      options,
      probeWorker: scout,
      otherWorkers: others,
      target,
      derivedModel: derived,
      savedCampaign: saved,
      claimFolder: begin,
      executorFactory: elsewhere,
    });
  } catch (error) {
    if (signal.aborted && !begun) throw new InterruptedError('interrupted before the campaign began');
    throw error;
  } finally {
    scout.close();
    for (const slot of slots) slot.close();
    await derived.close();
    await lock?.release();
  }
}

function createSupervisor(
  { folder, options, target }: Pick<RunContext, 'folder' | 'options' | 'target'>,
  child?: ProbeWorker['child'],
): WorkerSupervisor {
  const { path, setup, model } = target;
  const loading = { path: path.absolute, options: resolvedLoadOptions(options, target) };
  return new WorkerSupervisor(
    { ...options, model: loading },
    setup,
    model.sha256,
    join(folder, STATE_FOLDER),
    child,
  );
}

/** How the model is loaded from now on, on the runtimes that were settled on. */
function resolvedLoadOptions(options: WorkerSupervisorOptions, { model, secondModel }: Target): LoadOptions {
  const own = { ...options.model.options, runtime: model.runtime.kind };
  return secondModel === undefined
    ? own
    : {
        ...own,
        secondModel: { ...secondModel, runtime: model.secondModel?.runtime.kind ?? secondModel.runtime },
      };
}

/** Classes that seeds show by the seeds' ids, as entries name their ancestors. */
function labelsById({ labels }: Target['inputs']): ReadonlyMap<string, number> | undefined {
  return labels && new Map([...labels].map(([seed, label]) => [testcaseId(seed), label]));
}

/** The second model as findings name it: the same in two campaigns wherever their folders lie. */
function secondModelGiven(
  config: CampaignConfig,
  { path, model }: Target,
  recorded: unknown,
): string | undefined {
  if (model.secondModel === undefined) return undefined;
  if (typeof recorded === 'string') return recorded;
  if (config.quantize !== undefined) return `${DERIVED_MODEL_FOLDER}/${basename(model.secondModel.path)}`;
  return config.against ?? path.asGiven;
}

/** Deaths that people are told of; later ones are in events.jsonl and in the figures. */
const MAX_DEATH_WARNINGS = 3;

function reportDeaths(store: CampaignStore, observer: Monitor): OnReplaced {
  let deaths = 0;
  return ({ kind, exitStatus, message }, { number: task }) => {
    deaths++;
    if (deaths <= MAX_DEATH_WARNINGS)
      observer.warn(`a worker died in task ${task} and is replaced: ${message}`);
    // The campaign notices a full disk by what it writes itself.
    store.appendEvent('worker-replaced', { task, kind, how: exitStatus }).catch(() => {});
  };
}

interface RunContext {
  readonly config: CampaignConfig;
  readonly monitor: Monitor;
  readonly signal: AbortSignal;
  readonly folder: string;
  readonly options: WorkerSupervisorOptions;
  readonly probeWorker: ProbeWorker;
  /** All workers but the first, which is the scout until then. */
  readonly otherWorkers: readonly WorkerSupervisor[];
  readonly target: Target;
  readonly derivedModel: DerivedModel;
  readonly savedCampaign: SavedCampaign | undefined;
  /** Makes the folder this campaign's own; nothing is written before. */
  readonly claimFolder: () => Promise<void>;
  readonly executorFactory: ExecutorFactory | undefined;
}

/** What another executor than this machine's worker processes is made from. */
export interface ExecutorContext {
  readonly setup: WorkerSetup;
  readonly model: ModelInfo;
  /** How the model is loaded, on the runtimes that were settled on. */
  readonly loading: WorkerSupervisorOptions['model'];
  readonly timeout: number;
  /** Where tasks get what they need: the corpus. */
  readonly corpusSource: FuzzerState;
  /** Some seeds and what the model makes of them here: another machine must make the same of them. */
  readonly referenceRuns: readonly ReferenceRun[];
  readonly monitor: Monitor;
}

/** A testcase with the activations that it has. */
export interface ReferenceRun {
  readonly data: TestcaseData;
  readonly activations: Float32Array;
}

/** Makes what carries out tasks elsewhere. */
export interface ExecutorFactory {
  /** Whether machines may take part that compute otherwise in the last digits. */
  readonly mixed: boolean;
  /** @throws UserError where what a worker needs can't be there; nothing was written yet */
  check(setup: WorkerSetup, loading: LoadOptions): Promise<void>;
  create(parts: ExecutorContext): Promise<Executor>;
}

/** Seeds that another machine is tried on. */
const MAX_REFERENCE_RUNS = 4;

function referenceRunsOf(seeds: readonly SeedResult[]): ReferenceRun[] {
  return seeds
    .filter(isFuzzable)
    .slice(0, MAX_REFERENCE_RUNS)
    .map(({ data, activations }) => ({ data, activations }));
}

/** Worker processes here: the scout's, and the others. */
function createLocalPool(parts: RunContext, state: FuzzerState, onReplaced: OnReplaced): WorkerPool {
  const slots = [createSupervisor(parts, parts.probeWorker.child), ...parts.otherWorkers];
  for (const slot of slots) slot.setSource(state);
  return new WorkerPool(slots, onReplaced);
}

async function runTarget(parts: RunContext): Promise<CampaignSummary> {
  const { config, monitor, signal, folder, options, probeWorker, otherWorkers, target, savedCampaign } =
    parts;
  const jobs = otherWorkers.length + 1;
  const { path, model, masterSeed, watched, inputs, batch, setup } = target;
  const taken = stripBatchDimension(inputs.inputs);
  const runtime = model.runtime.kind;

  const seeds =
    savedCampaign?.checkpoint === undefined ? await probeWorker.runSeeds(inputs.seeds, inputs.labels) : [];
  const places = config.corpus === undefined ? undefined : await findImports([config.corpus].flat());
  const imports =
    places === undefined || savedCampaign?.checkpoint !== undefined
      ? []
      : await readImports(places, inputs, setup.varying, monitor);
  const threshold = savedCampaign?.threshold ?? (await resolveThreshold(config, probeWorker, seeds, monitor));
  monitor.info(
    `coverage ${watched.tensors.join(', ')}: ${watched.why}; compared by ${criterionHelp(config.measure)}; threshold ${threshold.value}: ${threshold.why}`,
  );
  const recorded = savedCampaign?.settings.resolved.modelGiven;
  const modelGiven = typeof recorded === 'string' ? recorded : path.asGiven;
  const copyGiven = secondModelGiven(config, target, savedCampaign?.settings.resolved.copyGiven);
  const settings = resolvedSettings(config, {
    folder,
    masterSeed,
    model,
    batch,
    modelPath: path.absolute,
    modelGiven,
    copyGiven,
    watched,
    threshold: threshold.value,
    inputs,
    importIds: places?.candidates.map(({ lineage }) => lineage.id) ?? [],
  });
  if (savedCampaign !== undefined) {
    for (const change of checkResumable(folder, savedCampaign.settings, settings))
      monitor.warn(`since then ${change}`);
  }
  await parts.executorFactory?.check(setup, resolvedLoadOptions(options, target));
  await parts.claimFolder();
  const store =
    savedCampaign === undefined
      ? await CampaignStore.create(folder, settings, inputs.imageFormats)
      : await CampaignStore.open(folder, inputs.imageFormats, savedCampaign.checkpoint?.entries ?? 0);
  await parts.derivedModel.persist();
  const rerunClient = new RerunClient(options.child);
  const faults = new FaultRegistry({
    store,
    rerunClient,
    objectives: setup.objectives,
    timedObjectives: target.objectives.flatMap(({ name, timed }) => (timed === true ? [name] : [])),
    modelPath: path.absolute,
    loadOptions: resolvedLoadOptions(options, target),
    model: { path: modelGiven, sha256: model.sha256, runtime },
    ...(model.secondModel === undefined || copyGiven === undefined
      ? {}
      : {
          secondModel: {
            path: copyGiven,
            sha256: model.secondModel.sha256,
            runtime: model.secondModel.runtime.kind,
          },
        }),
    masterSeed,
    maxPerSignature: config.keep,
    comparesLayers: target.comparesLayers,
    isUnbatched: target.isUnbatched,
    canTrace: setup.traces,
    seedSpan: new SeedSpan(inputs.seeds),
    imageFormats: inputs.imageFormats,
    textOf: inputs.textOf,
    padIds: inputs.descriptors.map(({ tokens }) => tokens?.pad),
  });
  const arms = await describeArms(inputs.mutators);
  const makeChoice = (): MutatorScheduler =>
    new MutatorScheduler(
      inputs.descriptors.map(({ name }) => name),
      arms,
      config.guidance !== 'none',
    );
  const width = savedCampaign?.checkpoint?.width ?? seeds.find(isFuzzable)?.activations.length ?? 0;
  const state = new FuzzerState({
    store,
    corpus: new Corpus(folder, taken),
    faults,
    scheduler: await makeScheduler(config),
    index:
      config.guidance === 'none' || width === 0
        ? undefined
        : makeNeighbourIndex(width, { folder: join(folder, STATE_FOLDER), isWriter: true }),
    threshold: new NoveltyThreshold(threshold.value, config.threshold === 'auto', config.epoch !== undefined),
    masterSeed,
    batch,
    descriptors: inputs.descriptors,
    arms,
    mutatorScheduler: makeChoice(),
    sites: model.sites,
    unreachableSites: target.unreachable,
    directed:
      setup.goals.length === 0
        ? undefined
        : { search: new DirectedSearch(setup.goals), choice: makeChoice() },
    limits: inputs.limits,
    labels: labelsById(inputs),
    objectives: target.objectives.map(({ name }) => name),
    maxExecs: config.execs ?? Number.POSITIVE_INFINITY,
    feedbackDelay: config.epoch === undefined ? feedbackDelay : epochFeedbackDelay(config.epoch),
    singleBatches: model.generation !== undefined,
    maxCorpus: config.maxCorpus ?? Number.POSITIVE_INFINITY,
  });
  const plan: CampaignPlan = {
    folder,
    masterSeed,
    model,
    jobs,
    batch,
    coverage: { tensors: watched.tensors, measure: config.measure, threshold: threshold.value },
    seeds: inputs.seeds.length,
  };
  monitor.onStart(plan);
  let pool: Executor | undefined;
  try {
    await store.appendEvent(savedCampaign === undefined ? 'start' : 'resume', {
      seed: masterSeed,
      ...(parts.executorFactory === undefined
        ? { jobs }
        : { queue: true, mixed: parts.executorFactory.mixed }),
    });
    if (savedCampaign !== undefined)
      await restoreCampaign({
        saved: savedCampaign,
        state,
        store,
        scout: probeWorker,
        inputs: taken,
        observer: monitor,
      });
    if (savedCampaign?.checkpoint === undefined) {
      await enterSeeds(seeds, state, faults, monitor, folder);
      await enterImports(imports, probeWorker, labelsById(inputs), state, faults, monitor, folder);
    }
    const before = savedCampaign?.checkpoint?.elapsedSeconds ?? 0;
    await store.flush(new CheckpointSource(state, () => before).checkpoint);
    const statistics = new StatisticsCollector(before);
    const checkpointSource = new CheckpointSource(state, () => statistics.elapsedSeconds);
    const executor = parts.executorFactory
      ? await parts.executorFactory.create({
          setup,
          model,
          loading: { path: path.absolute, options: resolvedLoadOptions(options, target) },
          timeout: options.child.timeout,
          corpusSource: state,
          referenceRuns: referenceRunsOf(
            seeds.length > 0 ? seeds : await probeWorker.runSeeds(inputs.seeds.slice(0, MAX_REFERENCE_RUNS)),
          ),
          monitor,
        })
      : createLocalPool(parts, state, reportDeaths(store, monitor));
    pool = executor;
    const running = {
      config,
      monitor,
      signal,
      store,
      faults,
      state,
      statistics,
      executor,
      rerunClient,
      checkpointSource,
    };
    const stopped = await runMainLoop(running);
    const figures = currentStatistics(running);
    executor.close();
    await store.flush(checkpointSource.checkpoint);
    await faults.writeRecords();
    await writeStats(store, figures);
    await store.appendEvent('stop', { stopped, execs: state.execs });
    return { ...plan, statistics: figures, stopped };
  } finally {
    pool?.close();
    await pool?.whenClosed;
    rerunClient.close();
  }
}
