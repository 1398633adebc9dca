import { basename, join } from 'node:path';
import type { CampaignConfig } from '../config/schema.ts';
import { formatNumber } from '../core/format-number.ts';
import { Feedback } from '../coverage/feedback/feedback.ts';
import { FLOOD_COUNT } from '../coverage/feedback/novelty-threshold.ts';
import { feedbackKind } from '../coverage/feedback/registry.ts';
import { criterionHelp } from '../coverage/registry.ts';
import { CALIBRATION_MUTANTS } from '../fuzzer/calibration.ts';
import { Corpus } from '../fuzzer/corpus/corpus.ts';
import { describeArms } from '../fuzzer/scheduling/mutator-arms.ts';
import { MutatorScheduler } from '../fuzzer/scheduling/mutator-scheduler.ts';
import { epochFeedbackDelay, feedbackDelay } from '../fuzzer/scheduling/task-sizes.ts';
import { DirectedSearch } from '../fuzzer/search/directed-search.ts';
import { isFuzzable, type SeedResult } from '../fuzzer/seed-runner.ts';
import { SeedAccounts } from '../fuzzer/seeds/seed-accounts.ts';
import { FuzzerState } from '../fuzzer/state.ts';
import { testcaseId } from '../inputs/testcase.ts';
import { stripBatchDimension } from '../model/batch-axis.ts';
import { canExposeTensors } from '../model/can-expose-tensors.ts';
import { derivedCopy } from '../objectives/registry.ts';
import { makeScheduler } from '../schedulers/registry.ts';
import { CampaignStore } from '../storage/campaign-store.ts';
import { setDamagedAside } from '../storage/damaged-files.ts';
import { STATE_FOLDER } from '../storage/journal.ts';
import { DERIVED_MODEL_FOLDER } from '../storage/load-options.ts';
import { FolderTestcaseLoader } from '../storage/testcase-loader.ts';
import type { ProbeWorker } from '../workers/probe-worker.ts';
import { RerunClient } from '../workers/rerun-client.ts';
import type { WorkerSupervisorOptions } from '../workers/worker-supervisor.ts';
import type { AttackedModel } from './attacked-model.ts';
import type { CampaignParts } from './campaign-parts.ts';
import type { DerivedModel } from './derived-model.ts';
import { type AttackHit, enterAttackHits } from './enter-attacks.ts';
import { enterImports, findImports, type ImportCandidates, readImports } from './enter-imports.ts';
import { enterSeeds, resolveThreshold } from './enter-seeds.ts';
import { enterFailingSizes } from './enter-sizes.ts';
import { HitConfirmer } from './findings/confirm.ts';
import { FaultRegistry } from './findings/fault-registry.ts';
import { FindingWriter, type FindingWriterOptions } from './findings/finding-writer.ts';
import { SeedSpan } from './findings/severity.ts';
import type { SeedAccount } from './idle-reason.ts';
import { resolvedLoadOptions } from './local-workers.ts';
import { checkResumable, resolvedSettings } from './manifest.ts';
import type { Monitor } from './monitor/monitor.ts';
import { ThreatChecker } from './obeys.ts';
import type { PlausibilityChecker } from './plausibility-checker.ts';
import { resolveMaxCorpus } from './resolve/sizes/corpus-limit.ts';
import type { Workload } from './resolve/sizes/workload.ts';
import type { Target } from './resolve/target.ts';
import type { SavedCampaign } from './resume.ts';
import { seedBudget } from './threat-model/query-limits.ts';
import { attackedBy, successSoFar } from './threat-model/success.ts';

/** A campaign's settings and the target that they resolve to. */
export interface CampaignContext {
  readonly config: CampaignConfig;
  readonly monitor: Monitor;
  readonly folder: string;
  readonly options: WorkerSupervisorOptions;
  readonly probeWorker: ProbeWorker;
  /** The quantized copy that is part of the campaign. */
  readonly derivedModel: DerivedModel;
  readonly target: Target;
  /** The folder's campaign if it is resumed. */
  readonly saved: SavedCampaign | undefined;
  /** The model under attack; undefined where the search runs on it itself. */
  readonly attacked?: AttackedModel | undefined;
  /** Tells whether findings are plausible; undefined where the threat model does not ask. */
  readonly plausibility?: PlausibilityChecker | undefined;
  /** What attacks found, in place of a search. */
  readonly attackHits?: readonly AttackHit[] | undefined;
}

/** A campaign before its folder is claimed: nothing is written yet. */
export interface PreparedCampaign {
  /** Results of the seeds; empty if the campaign resumes from a checkpoint, which has them. */
  readonly seeds: readonly SeedResult[];
  readonly imports: Awaited<ReturnType<typeof readImports>>;
  readonly threshold: number;
  /** Numbers in an observation; 0 where nothing is observed. */
  readonly width: number;
  /** Entries after which the corpus grows no more. */
  readonly maxCorpus: number;
  readonly settings: ReturnType<typeof resolvedSettings>;
  /** The models as findings name them. */
  readonly modelGiven: string;
  readonly secondModelGiven: string | undefined;
}

/**
 * Runs the seeds, reads imports, calibrates the threshold and resolves the settings that campaign.yaml records.
 *
 * @throws UserError if the campaign can't be resumed with these settings
 */
export async function prepareCampaign(context: CampaignContext): Promise<PreparedCampaign> {
  const { config, monitor, folder, probeWorker, target, saved, attacked } = context;
  const { path, model, masterSeed, watched, inputs, batch, setup, invariants } = target;
  const isResumed = saved?.checkpoint !== undefined;
  const seeds = isResumed ? [] : await runSeeds(context);
  const candidates: ImportCandidates | undefined =
    config.corpus === undefined ? undefined : await findImports([config.corpus].flat());
  const imports =
    candidates === undefined || isResumed
      ? []
      : await readImports(candidates, inputs, setup.varying, invariants, monitor);
  const threshold =
    saved?.threshold ??
    (await resolveThreshold(
      config,
      target.feedback,
      target.workload.calibrationMutants,
      probeWorker,
      seeds,
      monitor,
    ));
  monitor.info(
    `Coverage: ${watched.tensors.join(', ')} (${watched.why}), compared by ${criterionHelp(config.measure)}, threshold ${formatNumber(threshold.value, 3)} (${threshold.why})`,
  );
  const recorded = saved?.settings.resolved;
  const width = saved?.checkpoint?.width ?? seeds.find(isFuzzable)?.activations.length ?? 0;
  const observedWidth = isGuided(config, width) ? width : undefined;
  const maxCorpus =
    config.maxCorpus ??
    resolveMaxCorpus(saved?.settings.resolved.maxCorpus, feedbackKind(target.feedback), observedWidth);
  const modelGiven = typeof recorded?.modelGiven === 'string' ? recorded.modelGiven : path.asGiven;
  const secondModelGiven =
    typeof recorded?.copyGiven === 'string' ? recorded.copyGiven : nameSecondModel(context);
  const settings = resolvedSettings(config, {
    folder,
    masterSeed,
    model,
    batch,
    modelPath: path.absolute,
    attacked: attacked?.identity,
    plausibleSha256: context.plausibility?.sha256,
    latent: target.latent,
    judgeSha256: target.judgeSha256,
    modelGiven,
    secondModelGiven,
    watched,
    threshold: threshold.value,
    maxCorpus,
    feedback: target.feedback,
    workload: target.workload,
    fixedBatch: target.fixedBatch,
    batchDependence: target.batchDependence,
    sizeChanges: target.sizeChanges,
    noise: setup.noise,
    bounds: target.bounds,
    inputs,
    importIds: candidates?.candidates.map(({ lineage }) => lineage.id) ?? [],
  });
  if (saved !== undefined) {
    for (const change of checkResumable(folder, saved.settings, settings))
      monitor.warn(`changed since the campaign started: ${change}`);
  }
  return {
    seeds,
    imports,
    threshold: threshold.value,
    width,
    maxCorpus,
    settings,
    modelGiven,
    secondModelGiven,
  };
}

/** Whether anything may be kept for being new. */
function isGuided({ guidance }: Pick<CampaignConfig, 'guidance'>, width: number): boolean {
  return guidance !== 'none' && width > 0;
}

async function runSeeds({
  monitor,
  probeWorker,
  target: { inputs },
  attacked,
}: CampaignContext): Promise<SeedResult[]> {
  const total = inputs.seeds.length;
  const report = (done: number): void => monitor.onPhase({ name: 'seeds', done, total });
  report(0);
  const seeds = await probeWorker.runSeeds(inputs.seeds, inputs.labels, report);
  return attacked === undefined ? seeds : attacked.judgeSeeds(seeds, inputs, monitor, report);
}

/** The second model as findings name it: the same in two campaigns wherever their folders lie. */
function nameSecondModel({ config, target: { path, model } }: CampaignContext): string | undefined {
  if (model.secondModel === undefined) return undefined;
  if (derivedCopy(config) !== undefined) return `${DERIVED_MODEL_FOLDER}/${basename(model.secondModel.path)}`;
  return config.against ?? path.asGiven;
}

/** Opens the campaign's folder, which is locked, and makes the parts that write to it, and the engine's state. */
export async function openCampaign(
  context: CampaignContext,
  prepared: PreparedCampaign,
): Promise<CampaignParts> {
  const { config, folder, target, saved } = context;
  const setAside = saved === undefined ? [] : await setDamagedAside(folder, saved.damaged);
  const store =
    saved === undefined
      ? await CampaignStore.create(folder, prepared.settings)
      : await CampaignStore.open(folder, saved.checkpoint?.entries ?? 0);
  // Right after campaign.yaml, which records its digest.
  await context.derivedModel.persist();
  const rerunClient = context.attacked?.rerunClient ?? new RerunClient(context.options.child);
  const faults = new FaultRegistry({
    maxPerSignature: config.keep,
    timedObjectives: target.objectives.flatMap(({ name, timed }) => (timed === true ? [name] : [])),
  });
  const threat = await ThreatChecker.of(folder, JSON.parse(JSON.stringify(prepared.settings)));
  const state = await makeState(context, prepared);
  const seedCount = attackedBy(context.config.threatModel, target.inputs.seeds)?.seeds;
  const findings = makeFindingWriter(context, prepared, {
    store,
    faults,
    rerunClient,
    threat,
    success: (finding) => successSoFar(state.accounts, finding, seedCount ?? 0),
  });
  return { store, setAside, faults, findings, rerunClient, state, threat };
}

function makeFindingWriter(
  { config, options, target, attacked, plausibility }: CampaignContext,
  { modelGiven, secondModelGiven }: PreparedCampaign,
  {
    store,
    faults,
    rerunClient,
    threat,
    success,
  }: Pick<CampaignParts, 'store' | 'faults' | 'rerunClient' | 'threat'> &
    Pick<FindingWriterOptions, 'success'>,
): FindingWriter {
  const { path, model, masterSeed, inputs, setup } = target;
  const { secondModel } = model;
  const padIds = inputs.descriptors.map(({ tokens }) => tokens?.pad);
  return new FindingWriter({
    store,
    faults,
    confirmer: new HitConfirmer({
      rerunClient,
      objectives: setup.objectives,
      modelPath: path.absolute,
      loadOptions: attacked?.loadOptions ?? resolvedLoadOptions(options, target),
      runtime: attacked?.identity.runtime ?? model.runtime.kind,
      threatModel: config.threatModel,
      noise: setup.noise,
      comparesLayers: target.comparesLayers,
      isUnbatched: target.isUnbatched,
      canTrace: setup.traces,
      seedSpan: new SeedSpan(inputs.seeds),
      imageFormats: inputs.imageFormats,
      hasPadding: padIds.some((padId) => padId !== undefined),
    }),
    model: {
      path: modelGiven,
      sha256: attacked?.identity.sha256 ?? model.sha256,
      runtime: attacked?.identity.runtime ?? model.runtime.kind,
    },
    ...(secondModel === undefined || secondModelGiven === undefined
      ? {}
      : {
          secondModel: {
            path: secondModelGiven,
            sha256: secondModel.sha256,
            runtime: secondModel.runtime.kind,
          },
        }),
    masterSeed,
    imageFormats: inputs.imageFormats,
    padIds,
    threat,
    success,
    plausibility,
    textOf: inputs.textOf,
  });
}

async function makeState(
  { config, folder, target, attackHits }: CampaignContext,
  { threshold, width, maxCorpus }: PreparedCampaign,
): Promise<FuzzerState> {
  const { model, masterSeed, inputs, workload, setup } = target;
  const { descriptors, limits } = inputs;
  const arms = await describeArms(inputs.mutators, workload.editsRows, target.latent?.decodeCost);
  const makeMutatorScheduler = (): MutatorScheduler =>
    new MutatorScheduler(
      descriptors.map(({ name }) => name),
      arms,
      config.guidance !== 'none',
      workload.runCost,
      descriptors.map(({ pickShare }) => pickShare),
    );
  // Attacks count per seed themselves.
  const accounts =
    target.seedAccounts === undefined || attackHits !== undefined
      ? undefined
      : new SeedAccounts(target.seedAccounts);
  return new FuzzerState({
    corpus: {
      entries: new Corpus(new FolderTestcaseLoader(folder, stripBatchDimension(inputs.inputs))),
      maxEntries: maxCorpus,
      labels: labelsById(target),
    },
    feedback: new Feedback({
      kind: feedbackKind(target.feedback),
      width: isGuided(config, width) ? width : undefined,
      threshold,
      isAdaptive: config.threshold === 'auto',
      isDelayed: config.epoch !== undefined,
      floodCount: floodCount(workload),
      snapshots: { folder: join(folder, STATE_FOLDER), isWriter: true },
      reference: setup.reference,
    }),
    mutation: {
      scheduler: await makeScheduler(config),
      mutatorScheduler: makeMutatorScheduler(),
      descriptors,
      arms,
      limits,
    },
    search:
      // A goal is come nearer to by mutating mutants again.
      setup.goals.length === 0 || limits.once === true
        ? undefined
        : {
            directed: new DirectedSearch(
              setup.goals,
              accounts,
              config.threatModel?.knows.outputs === 'labels',
            ),
            mutatorScheduler: makeMutatorScheduler(),
          },
    tasks: {
      masterSeed,
      batch: workload.taskMutants,
      maxExecs: config.execs ?? Number.POSITIVE_INFINITY,
      feedbackDelay:
        config.epoch === undefined
          ? (task) => feedbackDelay(task, workload.minFeedbackDelay)
          : epochFeedbackDelay(config.epoch),
      singleBatches: model.generation !== undefined,
      sizeChanges: target.sizeChanges.running,
      ascends: config.gradients === 'auto' && model.isDifferentiable === true && canExposeTensors(model),
    },
    objectives: target.objectives.map(({ name }) => name),
    accounts,
    budget: seedBudget(config),
  });
}

/** Least mutants kept that are a flood. */
const MIN_FLOOD_COUNT = 16;

/** Mutants kept at which the corpus floods: as much fewer of a slow model as its calibration has fewer mutants. */
function floodCount({ calibrationMutants }: Workload): number {
  return Math.max(MIN_FLOOD_COUNT, Math.round((FLOOD_COUNT * calibrationMutants) / CALIBRATION_MUTANTS));
}

/** Adds seeds and imports to a campaign that starts; those that violate an objective become findings, or what attacks found does. */
export async function addSeedsAndImports(
  { monitor, probeWorker, target, attackHits }: CampaignContext,
  { seeds, imports }: PreparedCampaign,
  campaign: CampaignParts,
): Promise<SeedAccount> {
  if (attackHits !== undefined) return enterAttackHits(attackHits, seeds, campaign, monitor);
  const account = await enterSeeds(seeds, campaign, monitor);
  await enterFailingSizes(target, probeWorker, campaign, monitor);
  await enterImports(imports, probeWorker, labelsById(target), campaign, monitor);
  campaign.state.setCountedSignatures(campaign.faults.countedSignatures);
  return account;
}

/** Class that each labelled seed shows, by the seed's id. */
function labelsById({ inputs: { labels } }: Target): ReadonlyMap<string, number> | undefined {
  return labels && new Map([...labels].map(([seed, label]) => [testcaseId(seed), label]));
}
