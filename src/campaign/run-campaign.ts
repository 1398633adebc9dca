import { join, resolve } from 'node:path';
import type { CampaignConfig } from '../config/schema.ts';
import { parseDuration, parseSize } from '../config/values.ts';
import { InterruptedError } from '../core/errors.ts';
import { modelName } from '../core/model-name.ts';
import { setCallTimeout } from '../extensions/plugin-loader.ts';
import type { Executor } from '../fuzzer/executor.ts';
import { stripBatchDimension } from '../model/batch-axis.ts';
import { detectModel } from '../model/formats/detect.ts';
import { OWN_BASELINE_FILE } from '../storage/campaign-store.ts';
import { checkFolder } from '../storage/check-folder.ts';
import { loadOptions, modelPath } from '../storage/load-options.ts';
import { checkRenamable, keepBaseline, renameCampaign } from '../storage/rename-campaign.ts';
import { ProbeWorker } from '../workers/probe-worker.ts';
import { availableCores, memoryLimits } from '../workers/resource-limits.ts';
import type { WorkerSupervisor, WorkerSupervisorOptions } from '../workers/worker-supervisor.ts';
import { AttackedModel } from './attacked-model.ts';
import type { CampaignParts } from './campaign-parts.ts';
import { CheckpointSource } from './checkpoint-source.ts';
import { DerivedModel } from './derived-model.ts';
import type { AttackHit } from './enter-attacks.ts';
import { type ExecutorFactory, MAX_REFERENCE_RUNS, referenceRunsOf } from './executor-factory.ts';
import { FolderClaim } from './folder-claim.ts';
import { idleReason } from './idle-reason.ts';
import { createLocalPool, createSupervisor, workerLoadOptions } from './local-workers.ts';
import { runMainLoop } from './main-loop.ts';
import { currentStatistics, writeStats } from './monitor/current-statistics.ts';
import type { CampaignPlan, CampaignSummary, Monitor } from './monitor/monitor.ts';
import { StatisticsCollector } from './monitor/statistics.ts';
import { notLookedInto } from './not-looked-into.ts';
import {
  addSeedsAndImports,
  type CampaignContext,
  openCampaign,
  type PreparedCampaign,
  prepareCampaign,
} from './open-campaign.ts';
import { PlausibilityChecker } from './plausibility-checker.ts';
import { withCalibratedObjectives } from './resolve/abstention/calibrate-objectives.ts';
import { checkExtensions } from './resolve/check-extensions.ts';
import { withGeneratorObjective } from './resolve/latent/latent-inputs.ts';
import { checkSecondModel } from './resolve/model-settings.ts';
import { defaultMaxDisk } from './resolve/sizes/disk-limit.ts';
import { callLimitMs, type RecordedSizes, resolveTarget } from './resolve/target.ts';
import { readSavedCampaign, restoreCampaign, type SavedCampaign } from './resume.ts';
import { auditFindings } from './threat-model/audit-findings.ts';
import { attackedBy, errorWarnings } from './threat-model/success.ts';
import { threatWarnings } from './threat-model/warnings.ts';

/**
 * What a campaign does with its folder: a new one is refused where a campaign is already; `overwrite` renames that one first, and
 * deletes nothing; `resume` continues it.
 */
export type CampaignStart = 'new' | 'overwrite' | 'resume';

/** A campaign's folder: `--out`, or one named after the model. */
export function defaultFolder(config: Pick<CampaignConfig, 'out' | 'model'>): string {
  return config.out ?? join('neurofuzz-out', modelName(modelPath(config).asGiven));
}

/**
 * Runs one campaign from its settings to its summary.
 *
 * @param signal stops it in order
 * @param start what to do with a campaign that is in the folder
 * @param executorFactory creates the executor; worker processes on this machine if there is none
 * @param startedAt when the command began, on `performance.now()`'s clock: `--time` counts from then
 * @param attackHits what attacks found: the campaign records it and searches for nothing itself
 * @throws UserError before anything is written if the request is wrong; MachineError if the machine fails;
 *   InterruptedError if it is stopped before the campaign starts
 */
export async function runCampaign(
  requested: CampaignConfig,
  monitor: Monitor,
  signal: AbortSignal,
  start: CampaignStart = 'new',
  executorFactory?: ExecutorFactory,
  startedAt = performance.now(),
  attackHits?: readonly AttackHit[],
): Promise<CampaignSummary> {
  const folder = defaultFolder(requested);
  const resume = start === 'resume';
  monitor.onPhase({ name: 'loading' });
  await checkExtensions(requested);
  setCallTimeout(callLimitMs(requested));
  checkSecondModel(requested);
  const folderClaim = new FolderClaim(folder);
  if (resume) await folderClaim.lock();
  else {
    // A misspelt model is told as such, not as the campaign of that name.
    await detectModel(modelPath(requested).asGiven);
    await checkFolder(folder, start === 'overwrite');
    if (start === 'overwrite') checkRenamable(folder, readPaths(requested));
  }
  const saved = resume ? await folderClaim.whileHeld(() => readSavedCampaign(folder)) : undefined;
  const recorded = saved?.settings.objective;
  const config = await withCalibratedObjectives(
    await withGeneratorObjective(await withDiskLimit(requested, folder, saved)),
    Array.isArray(recorded) ? recorded.map(String) : [],
    monitor,
  );
  const jobs = config.jobs ?? availableCores();
  const options = supervisorOptions(config, jobs);
  const derivedModel = new DerivedModel(folder, resume);
  const probeWorker = new ProbeWorker(options.child, options.model, undefined, ({ exitStatus }, step) =>
    monitor.warn(`a worker process was ended by ${exitStatus} from outside: its step, ${step}, is repeated`),
  );
  const interrupt = (): void => probeWorker.close();
  signal.addEventListener('abort', interrupt);
  const otherWorkers: WorkerSupervisor[] = [];
  let hasBegun = false;
  let attacked: AttackedModel | undefined;
  const plausibility = PlausibilityChecker.of(config, options.child);
  try {
    attacked = await AttackedModel.open(config, options.child);
    const sizes = saved?.settings.resolved as RecordedSizes | undefined;
    const target = await resolveTarget(
      config,
      monitor,
      probeWorker,
      derivedModel,
      sizes,
      attackHits === undefined,
      { attacked, plausibility },
    );
    for (const warning of threatWarnings(config, target.inputs)) monitor.warn(warning);
    // The other workers start while the probe worker runs the seeds.
    if (executorFactory === undefined)
      for (let worker = 1; worker < jobs; worker++)
        otherWorkers.push(createSupervisor(folder, options, target));
    const context: CampaignContext = {
      config,
      monitor,
      folder,
      options,
      probeWorker,
      derivedModel,
      target,
      saved,
      attacked,
      plausibility,
      attackHits,
    };
    const prepared = await prepareCampaign(context);
    await executorFactory?.check(target.setup, workerLoadOptions(options, target));
    signal.removeEventListener('abort', interrupt);
    const renamed = start === 'overwrite' ? await renameCampaign(folder) : undefined;
    if (renamed !== undefined) monitor.info(`the campaign that was in ${folder} is now ${renamed}`);
    if (!resume) await folderClaim.create();
    hasBegun = true;
    const campaign = await openCampaign(context, prepared);
    if (renamed !== undefined && (await keepBaseline(renamed, folder)))
      monitor.info(`states and notes of its faults are kept in ${join(folder, OWN_BASELINE_FILE)}`);
    const run = { context, prepared, campaign, signal, otherWorkers, executorFactory, startedAt };
    return await runOpenCampaign(run);
  } catch (error) {
    if (signal.aborted && !hasBegun) throw new InterruptedError('interrupted before the campaign began');
    throw error;
  } finally {
    probeWorker.close();
    attacked?.close();
    plausibility?.close();
    for (const worker of otherWorkers) worker.close();
    await derivedModel.close();
    await folderClaim.release();
  }
}

/** Paths that a campaign's settings read, by the setting as a flag. */
function readPaths(config: CampaignConfig): ReadonlyMap<string, readonly string[]> {
  const settings = [
    'model',
    'against',
    'encoder',
    'decoder',
    'generator',
    'judge',
    'seeds',
    'labels',
    'corpus',
    'fixed',
    'dictionary',
    'coverageReference',
  ] as const;
  return new Map(
    settings.map((name) => {
      const value = config[name] ?? [];
      const paths = typeof value === 'object' ? Object.values(value).flat() : [value];
      // Of one of several inputs: `name=path`.
      return [
        name === 'model' ? 'the campaign' : `--${name}`,
        paths.flatMap((path) => [path, path.replace(/^[^=]*=/, '')]),
      ];
    }),
  );
}

/** The settings with a limit of the folder's size: as asked for, as recorded, or by the disk. */
async function withDiskLimit(
  config: CampaignConfig,
  folder: string,
  saved: SavedCampaign | undefined,
): Promise<CampaignConfig> {
  if (config.maxDisk !== undefined) return config;
  const recorded = saved?.settings.maxDisk;
  return { ...config, maxDisk: typeof recorded === 'string' ? recorded : await defaultMaxDisk(folder) };
}

function supervisorOptions(config: CampaignConfig, jobs: number): WorkerSupervisorOptions {
  return {
    child: {
      timeout: parseDuration(config.timeout),
      ...memoryLimits(config.memory === undefined ? undefined : parseSize(config.memory), jobs),
    },
    model: searchedModel(config),
  };
}

/** The model that the search runs on: the surrogate of an attacker who has one, else the model itself. */
function searchedModel(config: CampaignConfig): WorkerSupervisorOptions['model'] {
  const surrogate = config.threatModel?.knows.surrogate;
  return surrogate === undefined
    ? { path: modelPath(config).absolute, options: loadOptions(config) }
    : { path: resolve(surrogate), options: { runtime: 'auto', half: config.half } };
}

interface CampaignRun {
  readonly context: CampaignContext;
  readonly prepared: PreparedCampaign;
  readonly campaign: CampaignParts;
  readonly signal: AbortSignal;
  /** All worker processes but the probe worker, which joins the pool. */
  readonly otherWorkers: readonly WorkerSupervisor[];
  readonly executorFactory: ExecutorFactory | undefined;
  /** When the command began, on `performance.now()`'s clock. */
  readonly startedAt: number;
}

/** Restores or seeds an open campaign and runs the fuzzing loop. */
async function runOpenCampaign(run: CampaignRun): Promise<CampaignSummary> {
  const { context, prepared, campaign, signal, otherWorkers, executorFactory } = run;
  const { config, monitor, probeWorker, target, saved } = context;
  const { store, state, faults, findings, rerunClient } = campaign;
  const jobs = otherWorkers.length + 1;
  const plan = planOf(context, prepared, jobs, run.startedAt);
  monitor.onStart(plan);
  let executor: Executor | undefined;
  try {
    await store.appendEvent(saved === undefined ? 'start' : 'resume', {
      seed: target.masterSeed,
      ...(executorFactory === undefined ? { jobs } : { queue: true, mixed: executorFactory.mixed }),
    });
    const testcaseInputs = stripBatchDimension(target.inputs.inputs);
    if (saved !== undefined) await restoreCampaign(saved, campaign, testcaseInputs, probeWorker, monitor);
    const seedAccount =
      saved?.checkpoint === undefined ? await addSeedsAndImports(context, prepared, campaign) : undefined;
    const earlierSeconds = saved?.checkpoint?.elapsedSeconds ?? 0;
    await store.flush(
      new CheckpointSource({ state, faults, elapsedSeconds: () => earlierSeconds }).checkpoint,
    );
    const collector = new StatisticsCollector(earlierSeconds);
    const checkpointSource = new CheckpointSource({
      state,
      faults,
      elapsedSeconds: () => collector.elapsedSeconds,
    });
    executor = await createExecutor(run);
    const loop = {
      config,
      monitor,
      signal,
      store,
      faults,
      findings,
      rerunClient,
      attacked: context.attacked,
      state,
      collector,
      executor,
      checkpointSource,
      startedAt: run.startedAt,
      sites: target.sites,
      unreachableSites: target.unreachable,
      notLookedInto: notLookedInto({ ...target, mutator: config.mutator, guidance: config.guidance }),
      half: target.model.half,
    };
    const stopped = context.attackHits === undefined ? await runMainLoop(loop) : 'attacks';
    const statistics = currentStatistics(loop);
    for (const warning of errorWarnings(plan.threat, statistics.seedAccounts)) monitor.warn(warning);
    executor.close();
    await store.flush(checkpointSource.checkpoint);
    await findings.writeSignatures();
    await writeStats(store, statistics);
    const threatAudit = campaign.threat && (await auditFindings(context.folder, campaign.threat));
    await store.appendEvent('stop', { stopped, execs: state.execs });
    const end = { stopped, execs: state.execs, seedAccount, watched: target.watched.tensors };
    return { ...plan, statistics, stopped, idleReason: idleReason(end, config), threatAudit };
  } finally {
    executor?.close();
    await executor?.whenClosed;
    rerunClient.close();
  }
}

function planOf(
  { config, folder, target }: CampaignContext,
  { threshold }: PreparedCampaign,
  jobs: number,
  startedAt: number,
): CampaignPlan {
  const { model, masterSeed, watched, inputs, batch, batchDependence } = target;
  return {
    folder,
    masterSeed,
    model,
    jobs,
    batch,
    batchDependence,
    coverage: { tensors: watched.tensors, measure: config.measure, threshold },
    seeds: inputs.seeds.length,
    threat: attackedBy(config.threatModel, inputs.seeds),
    limits: {
      startedAt,
      seconds: config.time === undefined ? undefined : parseDuration(config.time) / 1000,
      execs: config.execs,
    },
  };
}

/** The executor of other machines if there is a factory for one, else of this machine's worker processes. */
async function createExecutor({
  context: { monitor, folder, options, probeWorker, target },
  prepared: { seeds },
  campaign: { state, store },
  otherWorkers,
  executorFactory,
}: CampaignRun): Promise<Executor> {
  const { model, setup, inputs } = target;
  if (executorFactory === undefined) {
    const probe = createSupervisor(folder, options, target, probeWorker.child);
    return createLocalPool([probe, ...otherWorkers], state, store, monitor);
  }
  const referenceSeeds =
    seeds.length > 0 ? seeds : await probeWorker.runSeeds(inputs.seeds.slice(0, MAX_REFERENCE_RUNS));
  return executorFactory.create({
    setup,
    model,
    loading: { path: options.model.path, options: workerLoadOptions(options, target) },
    timeout: options.child.timeout,
    corpusSource: state,
    referenceRuns: referenceRunsOf(referenceSeeds),
    monitor,
  });
}
