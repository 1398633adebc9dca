import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import type { BatchDependence } from '../../analysis/batch-dependence/describe-dependence.ts';
import type { BoundMethod } from '../../analysis/bounds/rule-out.ts';
import type { ModelDescription } from '../../analysis/describe-model.ts';
import type { NumericalSite } from '../../analysis/numerical-sites/site.ts';
import type { CampaignConfig } from '../../config/schema.ts';
import { parsePlausible } from '../../config/threat-model.ts';
import { parseDuration } from '../../config/values.ts';
import { UserError } from '../../core/errors.ts';
import type { FeedbackName } from '../../coverage/feedback/registry.ts';
import type { CoverageReference } from '../../coverage/reference.ts';
import { reportReferenceFailures } from '../../evaluation/run-reference.ts';
import type { SeedAccountsOptions } from '../../fuzzer/seeds/seed-accounts.ts';
import { NO_CLASS } from '../../inputs/class-label.ts';
import { distinctShapes } from '../../inputs/seeds.ts';
import type { TryTestcase } from '../../inputs/sizes/try-sizes.ts';
import { stripBatchDimension } from '../../model/batch-axis.ts';
import { canExposeTensors } from '../../model/can-expose-tensors.ts';
import type { WatchedTensors } from '../../model/coverage-tensors.ts';
import type { InputInvariants, ModelInfo, SecondModelOptions } from '../../model/model.ts';
import { modelText } from '../../model/model-text.ts';
import type { PairNoise } from '../../model/pair-noise.ts';
import { derivedCopy, objectiveSpecs } from '../../objectives/registry.ts';
import { modelPath } from '../../storage/load-options.ts';
import type { ObjectiveDescriptor } from '../../workers/objective-descriptor.ts';
import type { ProbeWorker } from '../../workers/probe-worker.ts';
import type { WorkerSetup } from '../../workers/worker-setup.ts';
import type { AttackedModel } from '../attacked-model.ts';
import type { DerivedModel } from '../derived-model.ts';
import type { PlausibilityChecker } from '../plausibility-checker.ts';
import { resolveSeedAccounts } from '../seed-account-settings.ts';
import { inputBoxes, NO_BOXES } from './bounds/input-boxes.ts';
import { checkLabels, checkObjectiveTensors, isBallConstrained } from './check-objectives.ts';
import { findInvariants } from './input-invariants.ts';
import { type ResolvedInputs, resolveInputs } from './inputs.ts';
import { generateSeeds, sampleFiles } from './latent/generated-seeds.ts';
import { judgeSetup } from './latent/judge-setup.ts';
import { latentInputs } from './latent/latent-inputs.ts';
import {
  findEncodedInputs,
  generatedLatent,
  type ResolvedLatent,
  resolveLatent,
} from './latent/resolve-latent.ts';
import { withSeedFiles } from './latent/seed-files.ts';
import {
  checkCalibrationSeeds,
  checkHalfSettings,
  loadDerivedModel,
  loadNamedModel,
  type ModelPair,
  reportSecondModel,
} from './model-pair.ts';
import type { Notices } from './model-settings.ts';
import { pluginModules } from './plugin-modules.ts';
import { resolveCoverage } from './resolve-coverage.ts';
import { type ResolvedGoals, resolveGoals } from './resolve-goals.ts';
import { DRAWN_SEED_COUNT } from './resolve-seeds.ts';
import { resolveBatchDependence } from './sizes/batch-dependence.ts';
import { resolveBatchSize, valueCount } from './sizes/batch-size.ts';
import { type FixedBatch, openFixedBatch } from './sizes/open-batch.ts';
import { resolveNoise } from './sizes/resolve-noise.ts';
import { withRunnableSeed } from './sizes/runnable-seeds.ts';
import {
  NO_SIZE_CHANGES,
  resizedDescriptors,
  resolveSizeChanges,
  type SizeChanges,
} from './sizes/size-changes.ts';
import { resolveWorkload, usualWorkload, type Workload } from './sizes/workload.ts';

/** Sizes that a campaign's folder records; without a workload it was begun by a version that had none. */
export interface RecordedSizes {
  readonly workload?: Workload;
  readonly fixedBatch?: FixedBatch;
  readonly batchDependence?: BatchDependence;
  readonly sizeChanges?: SizeChanges;
  readonly noise?: PairNoise;
  /** Version of the bounds that rule sites out, on which its goals depend; absent where they are intervals of tensors alone. */
  readonly bounds?: number;
}

/** Version of the bounds that rule sites out: by element and by linear relations. */
const BOUNDS_VERSION = 2;

/** A campaign's settings, resolved against the loaded model. */
export interface Target {
  readonly path: ReturnType<typeof modelPath>;
  readonly model: ModelInfo;
  /** The model's numerical sites. */
  readonly sites: readonly NumericalSite[];
  /** How the second model is loaded; undefined for a single model. */
  readonly secondModel: SecondModelOptions | undefined;
  /** What the inputs of all testcases have in common, which branches of the model depend on. */
  readonly invariants: InputInvariants | undefined;
  readonly masterSeed: string;
  readonly watched: WatchedTensors;
  readonly inputs: ResolvedInputs;
  readonly batch: number;
  readonly workload: Workload;
  /** How rows run where the model's batch is fixed to 1. */
  readonly fixedBatch: FixedBatch | undefined;
  /** How answers depend on the rest of the batch; undefined where they do not, as far as is known. */
  readonly batchDependence: BatchDependence | undefined;
  /** Sizes beyond those of the seeds. */
  readonly sizeChanges: SizeChanges;
  /** Whether findings name the layer from which on the two models of a pair diverge. */
  readonly comparesLayers: boolean;
  /** Whether the unmodified model takes one testcase in a run. */
  readonly isUnbatched: boolean;
  /** Sites that cannot go wrong within the ranges of the inputs, by name, and how that is shown. */
  readonly unreachable: ReadonlyMap<string, BoundMethod>;
  /** Version of the bounds that rule sites out; undefined without sites, and in a campaign that was begun without them. */
  readonly bounds: number | undefined;
  readonly objectives: readonly ObjectiveDescriptor[];
  /** Settings of the accounts of seeds; undefined where no objective has any. */
  readonly seedAccounts: SeedAccountsOptions | undefined;
  /** Which kind of feedback the coverage criterion gives. */
  readonly feedback: FeedbackName;
  /** The latent space that mutators move in; undefined where there is none. */
  readonly latent: ResolvedLatent | undefined;
  /** Digests of the judges, in their order. */
  readonly judgeSha256: readonly string[];
  readonly setup: WorkerSetup;
}

/** Models that a threat model names beside the one that the search runs on. */
export interface OtherModels {
  /** The model under attack; undefined where the search runs on it itself. */
  readonly attacked?: Pick<AttackedModel, 'checkInputs'> | undefined;
  /** Tells seeds that raise suspicion themselves; undefined where nothing does. */
  readonly plausibility?: Pick<PlausibilityChecker, 'checkInputs' | 'plausibleSeeds'> | undefined;
}

/**
 * Resolves the campaign config against the loaded model (model pair, inputs, coverage tensors, goals, batch size) and
 * initializes the probe worker with the result.
 *
 * @param derived the quantized copy that is part of the campaign
 * @param recorded what a campaign that is resumed records; undefined for a new one
 * @param searches whether the campaign mutates its seeds
 * @param others models that a threat model names
 * @throws UserError where the settings do not fit the model
 */
export async function resolveTarget(
  config: CampaignConfig,
  notices: Notices,
  probeWorker: ProbeWorker,
  derived: DerivedModel,
  recorded?: RecordedSizes,
  searches = true,
  { attacked, plausibility }: OtherModels = {},
): Promise<Target> {
  const path = modelPath(config);
  const objectives = await probeWorker.describeObjectives(
    objectiveSpecs(config.objective),
    pluginModules(config),
  );
  checkLabels(config, objectives, searches);
  const { model: firstModel, sites: firstSites } = await loadModel(config, probeWorker, notices);
  attacked?.checkInputs(firstModel);
  const masterSeed = config.seed ?? randomBytes(8).toString('hex');
  await checkCalibrationSeeds(config, firstModel);
  const copyKind = derivedCopy(config);
  const namedPair =
    copyKind === undefined ? await loadNamedModel(config, firstModel, probeWorker) : undefined;
  const tryRun: TryTestcase = (seed) => probeWorker.tryRun(seed);
  const samples = await generateSeeds(config, firstModel, masterSeed, probeWorker, notices);
  const isEncoded = await findEncodedInputs(config, stripBatchDimension(firstModel.inputs), probeWorker);
  const inputOptions = {
    ...(isEncoded === undefined ? {} : { isEncoded }),
    keepsLabels: objectives.some(({ labelled }) => labelled === true) && !isBallConstrained(config),
    tryRun,
    drawnSeeds: recorded && (recorded.workload?.drawnSeeds ?? DRAWN_SEED_COUNT),
  };
  const drawn =
    samples === undefined
      ? latentInputs(config, firstModel, masterSeed, notices)
      : sampleFiles(samples, firstModel, config);
  const resolved = await withSeedFiles(config, drawn, (seeded) =>
    resolveInputs(firstModel, seeded, masterSeed, notices, inputOptions),
  );
  const runnable = await withRunnableSeed(firstModel, resolved, tryRun, notices);
  await plausibility?.checkInputs(firstModel.inputs);
  const inputs = (await plausibility?.plausibleSeeds(runnable, notices)) ?? runnable;
  const latent =
    samples === undefined
      ? await resolveLatent(config, inputs, probeWorker, notices)
      : await generatedLatent(samples, inputs);
  const judges = judgeSetup(config, objectives);
  const judgeSha256 =
    judges === undefined ? [] : await probeWorker.checkJudges(judges.models, inputs.seeds[0]);
  const sizeChanges =
    recorded === undefined
      ? await resolveSizeChanges(firstModel, inputs, config, tryRun, notices)
      : (recorded.sizeChanges ?? NO_SIZE_CHANGES);
  const { seeds } = inputs;
  const invariants = findInvariants(firstModel, inputs);
  if (invariants !== undefined && Object.keys(invariants.values).length > 0)
    notices.info(
      `inputs that select branches of the model are not mutated: ${Object.keys(invariants.values).join(', ')} (the same in all seeds)`,
    );
  const { model: observedModel, sites } =
    invariants === undefined
      ? { model: namedPair?.model ?? firstModel, sites: firstSites }
      : await probeWorker.chooseBranches(invariants);
  const derivedPair: ModelPair | undefined =
    copyKind === undefined
      ? undefined
      : await loadDerivedModel(
          copyKind,
          config,
          { seeds, masterSeed, model: firstModel },
          probeWorker,
          derived,
        );
  const { model, fixedBatch } = await openFixedBatch(
    derivedPair?.model ?? observedModel,
    { batch: config.batch, seeds, objectives, recorded },
    probeWorker,
    notices,
  );
  checkHalfSettings(config, model);
  reportSecondModel(config, model, notices);
  const coverage = await resolveCoverage(model, config, probeWorker, seeds[0], notices);
  const { watched, batchLimitReason, largestBatch } = coverage;
  if (batchLimitReason !== undefined) notices.warn(`${batchLimitReason}: each run has one testcase`);
  await checkObjectiveTensors(model, objectives, watched.tensors, seeds[0], probeWorker);
  // Testcases of an older corpus have seeds of their own, around which mutants lie.
  const usesBoxes = config.corpus === undefined && (recorded === undefined || recorded.bounds !== undefined);
  const goals = await resolveGoals(
    {
      model,
      sites,
      inputs,
      boxes: usesBoxes ? inputBoxes(model, inputs, sizeChanges.running.length > 0) : NO_BOXES,
      objectives,
      watched: watched.tensors,
    },
    config,
    probeWorker,
    notices,
  );
  const shapes = distinctShapes(seeds);
  const possibleBatch = resolveBatchSize(config, { model, objectives, shapes, largestBatch }, notices);
  const { batch, batchDependence } = await resolveBatchDependence(
    {
      model,
      seeds,
      batch: possibleBatch,
      requestedBatch: config.batch,
      comparesBatches: objectives.some(({ comparesBatches }) => comparesBatches),
      fixedBatch,
      recorded,
    },
    probeWorker,
    notices,
  );
  const workload =
    recorded === undefined
      ? resolveWorkload(config, {
          model,
          shape: shapes.reduce((a, b) => (valueCount(b) > valueCount(a) ? b : a)),
          batch,
          drawnSeeds: inputs.areDrawn ? seeds.length : undefined,
        })
      : (recorded.workload ?? usualWorkload(batch));
  const noise = await resolveNoise({ model, seeds, objectives, recorded }, probeWorker, notices);
  const varying = shapes.length > 1 || inputs.lengthChanges !== undefined;
  const seedAccounts = resolveSeedAccounts(config, objectives, inputs);
  const { reference, failed } = await probeWorker.collectReference(inputs.reference ?? seeds, {
    criterion: config.measure,
    masterSeed,
    varying,
    watched: watched.tensors,
    batch,
    isGiven: inputs.reference !== undefined,
  });
  const isGiven = inputs.reference !== undefined;
  reportReferenceFailures(failed, (inputs.reference ?? seeds).length, isGiven, (text) => notices.warn(text));
  const setup = workerSetup(config, {
    inputs,
    latent,
    judges,
    seedAccounts,
    resizedDescriptors: resizedDescriptors(inputs, sizeChanges.running),
    goals,
    watched: watched.tensors,
    masterSeed,
    batch,
    varying,
    noise,
    reference,
  });
  const { feedback } = await prepare(config, setup, probeWorker);
  return {
    path,
    model,
    sites,
    secondModel: (derivedPair ?? namedPair)?.loading,
    invariants,
    masterSeed,
    watched,
    inputs,
    batch,
    workload,
    fixedBatch,
    batchDependence,
    sizeChanges,
    comparesLayers:
      model.secondModel !== undefined &&
      !(copyKind !== undefined && 'randomLayers' in copyKind) &&
      canExposeTensors(model),
    isUnbatched: largestBatch === 1 || fixedBatch !== undefined,
    unreachable: goals.unreachableSites,
    bounds: usesBoxes && sites.length > 0 ? BOUNDS_VERSION : undefined,
    objectives,
    seedAccounts,
    feedback,
    latent,
    judgeSha256,
    setup,
  };
}

/** Prepares the probe worker; a refusal of the surrogate names it. */
async function prepare(
  { threatModel }: Pick<CampaignConfig, 'threatModel'>,
  setup: WorkerSetup,
  probeWorker: ProbeWorker,
): ReturnType<ProbeWorker['prepare']> {
  const surrogate = threatModel?.knows.surrogate;
  try {
    return await probeWorker.prepare(setup);
  } catch (error) {
    if (surrogate === undefined || !(error instanceof UserError)) throw error;
    throw new UserError(`${error.message} (of the surrogate, ${surrogate})`);
  }
}

async function loadModel(
  config: CampaignConfig,
  probeWorker: ProbeWorker,
  notices: Notices,
): Promise<ModelDescription> {
  const description = await probeWorker.load();
  const { model } = description;
  const surrogate = config.threatModel?.knows.surrogate;
  if (surrogate === undefined) notices.info(`Model: ${modelText(modelPath(config).asGiven, model)}`);
  else
    notices.info(`Model: ${modelPath(config).asGiven}, searched by surrogate ${modelText(surrogate, model)}`);
  for (const { name: output, reason } of model.omittedOutputs ?? [])
    notices.warn(`output ${output} is not checked: ${reason}`);
  if (model.generation !== undefined) notices.info(`texts: ${model.generation.description}`);
  return description;
}

/** Whether the first hit of each seed is submitted to another model, or run again on a random one. */
function judgesEachSeed({ threatModel }: Pick<CampaignConfig, 'threatModel'>): boolean {
  if (threatModel === undefined) return false;
  const { goal, knows } = threatModel;
  const isOfClass = goal.kind === 'untargeted' || goal.kind === 'targeted';
  return knows.model === 'nothing' || (isOfClass && !knows.randomness);
}

/** The bound that tells plausible mutants from others, if there is one. */
function plausibleSetup({
  threatModel,
}: Pick<CampaignConfig, 'threatModel'>): Pick<WorkerSetup, 'plausible'> {
  if (threatModel?.plausible === undefined) return {};
  const bound = parsePlausible(threatModel.plausible);
  return { plausible: { ...bound, path: resolve(bound.path) } };
}

/** The setup that every worker of the campaign is initialized with. */
function workerSetup(
  config: CampaignConfig,
  {
    inputs,
    goals,
    resizedDescriptors: resized,
    noise,
    reference,
    seedAccounts,
    latent,
    judges,
    ...resolved
  }: {
    readonly judges: WorkerSetup['judges'];
    readonly latent: ResolvedLatent | undefined;
    readonly inputs: ResolvedInputs;
    readonly goals: ResolvedGoals;
    readonly seedAccounts: SeedAccountsOptions | undefined;
    readonly resizedDescriptors: WorkerSetup['resizedDescriptors'];
    readonly watched: readonly string[];
    readonly masterSeed: string;
    readonly batch: number;
    readonly varying: boolean;
    readonly noise: PairNoise | undefined;
    readonly reference: CoverageReference | undefined;
  },
): WorkerSetup {
  const { seeds, labels, descriptors, mutators, limits, lengthChanges } = inputs;
  return {
    ...resolved,
    descriptors,
    ...(resized === undefined ? {} : { resizedDescriptors: resized }),
    ...(noise === undefined ? {} : { noise }),
    ...(reference === undefined ? {} : { reference }),
    mutators,
    limits,
    ...plausibleSetup(config),
    ...(latent === undefined ? {} : { latent: latent.setup }),
    ...(judges === undefined ? {} : { judges }),
    ...(seedAccounts === undefined ? {} : { hasSeedAccounts: true }),
    ...(seedAccounts?.perSeed === 'least' ? { radiusNorm: seedAccounts.norm } : {}),
    lengthChanges,
    objectives: objectiveSpecs(config.objective),
    goals: goals.goals,
    traces: goals.traces,
    criterion: config.measure,
    keep: config.keep,
    ...(judgesEachSeed(config) ? { keepsHitOfEachSeed: true } : {}),
    labels: labels === undefined ? [] : [...new Set(seeds.map((seed) => labels.get(seed) ?? NO_CLASS))],
    callLimit: callLimitMs(config),
    warm: seeds[0],
  };
}

/** Milliseconds that one call of a plug-in may take at most. */
const MAX_CALL_MS = 10_000;

/** Time limit of one call of a plug-in, in milliseconds: shorter than `--timeout`, which ends the worker's process. */
export function callLimitMs({ timeout }: Pick<CampaignConfig, 'timeout'>): number {
  return Math.min(MAX_CALL_MS, parseDuration(timeout) / 4);
}
