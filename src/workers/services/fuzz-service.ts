/** A campaign's worker process: one session of the model, and no state that the campaign could not send again. */

import type { BatchDependence } from '../../analysis/batch-dependence/describe-dependence.ts';
import type { InputBoxes } from '../../analysis/bounds/input-boxes.ts';
import { findReachableSites } from '../../analysis/bounds/reachable-sites.ts';
import type { ReachableSite } from '../../analysis/bounds/rule-out.ts';
import { describeModel, type ModelDescription } from '../../analysis/describe-model.ts';
import type { Interval } from '../../analysis/numerical-sites/interval.ts';
import { tensorsToWatch } from '../../analysis/numerical-sites/site-margins.ts';
import type { PlausibilityBound } from '../../config/threat-model.ts';
import { UserError } from '../../core/errors.ts';
import type { CoverageCriterionSettings } from '../../coverage/criterion.ts';
import type { NoveltyHistory } from '../../coverage/feedback/feedback-kind.ts';
import { type FeedbackName, feedbackKind } from '../../coverage/feedback/registry.ts';
import { neuronLayout } from '../../coverage/neurons.ts';
import type { CoverageReference, ReferenceCollector } from '../../coverage/reference.ts';
import { makeReferenceCollector, observedTensors, resolveCriterion } from '../../coverage/registry.ts';
import { measurePairNoise, type NoiseRequest } from '../../evaluation/pair-noise.ts';
import { PLAUSIBILITY_LOADING, Plausibility } from '../../evaluation/plausibility.ts';
import { prepareSlices } from '../../evaluation/prepare-slices.ts';
import { type ReferenceRequest, runReference } from '../../evaluation/run-reference.ts';
import { watchedTensors } from '../../evaluation/watched-tensors.ts';
import { installPathRemap } from '../../extensions/path-remap.ts';
import { importPlugin, setCallTimeout } from '../../extensions/plugin-loader.ts';
import { type CalibrationPlan, calibrate } from '../../fuzzer/calibration.ts';
import { MetamorphicTransform } from '../../fuzzer/generation/metamorphic-transform.ts';
import { unpackEntry } from '../../fuzzer/packed-entries.ts';
import { makeArms } from '../../fuzzer/scheduling/mutator-arms.ts';
import type { CorpusEntryData, TaskResult } from '../../fuzzer/scheduling/task.ts';
import { goalTensors, type SearchGoal, withResults } from '../../fuzzer/search/search-goal.ts';
import { runSeeds, type SeedResult } from '../../fuzzer/seed-runner.ts';
import type { CorpusView, TaskRunnerOptions } from '../../fuzzer/task-runner.ts';
import { TaskRunners } from '../../fuzzer/task-runners.ts';
import type { InputDescriptor } from '../../inputs/input-descriptor.ts';
import { byteLengthOf, type TestcaseData } from '../../inputs/testcase.ts';
import type { SampleRequest } from '../../latent/sample-generator.ts';
import { BatchedModel } from '../../model/batched-model.ts';
import type { HalfSettings } from '../../model/half.ts';
import type { LoadOptions, Model } from '../../model/model.ts';
import type { PairNoise } from '../../model/pair-noise.ts';
import type { ModelFiles, Quantization } from '../../model/quantize/kind.ts';
import { packBatch } from '../../model/testcase-batch.ts';
import type { JudgedBatch, Objective } from '../../objectives/objective.ts';
import { makeObjectives } from '../../objectives/registry.ts';
import { type RandomizeRequest, randomizeModel } from '../../saliency/randomize/randomize-model.ts';
import { DTYPES } from '../../tensor/tensor.ts';
import { deriveFromLoadedModel } from '../derive-from-loaded-model.ts';
import { EntryCache, entryBytes } from '../entry-cache.ts';
import { checkJudges, type JudgePath, openJudges } from '../extra-models/judge-models.ts';
import {
  type CodecPaths,
  encodedShapes,
  type LatentReport,
  type LatentRequest,
  openSpace,
  sampleGeneratorAt,
  surveyLatent,
} from '../extra-models/latent-models.ts';
import { limitRuns, loadWithinLimits, withinFirstRunLimits } from '../load-within-limits.ts';
import { type BatchLook, lookAtBatches } from '../look-at-batches.ts';
import { describeObjective, type ObjectiveDescriptor } from '../objective-descriptor.ts';
import { probeTensors } from '../probe-tensors.ts';
import { heartbeat, serve } from '../rpc-server.ts';
import { tryOpenBatch } from '../try-open-batch.ts';
import { tryRun } from '../try-run.ts';
import type { PluginModule, ProbeResult, TaskMessage, WorkerSetup } from '../worker-setup.ts';

/** The opened model, or why it is not opened. */
export type BatchOpeningReport =
  | { readonly description: ModelDescription; readonly isExact: boolean }
  | { readonly refusal: string };

/** The result of a seed without its testcase. */
export type SeedVerdict = Omit<SeedResult, 'data'>;

/** What a prepared worker knows of its plug-ins. */
export interface PreparedInfo {
  /** The feedback of the coverage criterion. */
  readonly feedback: FeedbackName;
}

interface PreparedWorker {
  readonly feedback: FeedbackName;
  readonly options: TaskRunnerOptions & Pick<WorkerSetup, 'reference'>;
  readonly taskRunners: TaskRunners;
  readonly entryCache: EntryCache<CorpusEntryData>;
}

let model: Model | undefined;
let loadedWith: LoadOptions | undefined;
let batchedModel: BatchedModel | undefined;
let preparedWorker: PreparedWorker | undefined;
let history: NoveltyHistory | undefined;
let width = 0;
let referenceCollector: ReferenceCollector | undefined;
/** Reference inputs that the model ran so far. */
let ranReference = 0;

function requireModel(): Model {
  if (model === undefined) throw new Error('no model is loaded');
  return model;
}

function requirePrepared(): PreparedWorker {
  if (preparedWorker === undefined) throw new Error('the worker is not prepared');
  return preparedWorker;
}

/** Vectors between two heartbeats. */
const HEARTBEAT_INTERVAL_VECTORS = 500;

function growIndex(vectors: Float32Array): void {
  for (let from = 0, n = 1; from < vectors.length; from += width, n++) {
    history?.add(vectors.subarray(from, from + width));
    if (n % HEARTBEAT_INTERVAL_VECTORS === 0) heartbeat();
  }
}

/** Tensors to watch for a goal's margins. */
function marginTensors(goal: SearchGoal): readonly string[] {
  return 'site' in goal ? tensorsToWatch(goal.hazardTarget) : [];
}

/** Tensors to watch for coverage and for any of the goals. */
function exposedTensors(goals: readonly SearchGoal[], watched: readonly string[]): string[] {
  return [...new Set([...watched, ...goals.flatMap(goalTensors)])];
}

function makeView({
  requiredEntries,
  packedEntries,
  vectors,
}: Omit<TaskMessage, 'task' | 'span'>): CorpusView {
  const { entryCache } = requirePrepared();
  growIndex(vectors);
  packedEntries.entries.forEach((entry, i) => {
    const data = unpackEntry(packedEntries, i);
    entryCache.set(entry, data, entryBytes(data));
  });
  entryCache.touch(requiredEntries);
  const entryData = (entry: number): CorpusEntryData => {
    const cached = entryCache.get(entry);
    if (cached === undefined) throw new Error(`entry ${entry} was not sent`);
    return cached;
  };
  return { entryData, history };
}

/** @throws UserError where an objective can't judge batches like this one, or one of the seeds' classes */
function checkObjective(objective: Objective, batch: JudgedBatch, labels: readonly number[]): void {
  const batches =
    objective.labelled === true ? labels.map((label) => ({ ...batch, labels: [label] })) : [batch];
  for (const candidate of batches) {
    const refusal = objective.refuses?.(candidate);
    if (refusal !== undefined) throw new UserError(`--objective: ${objective.name} ${refusal}`);
  }
}

/** The transform of each objective that runs testcases twice, by the objective's name. */
async function makeTransforms(
  objectives: readonly Objective[],
  descriptors: readonly InputDescriptor[],
  masterSeed: string,
): Promise<Map<string, MetamorphicTransform>> {
  const transforms = new Map<string, MetamorphicTransform>();
  for (const { name, change } of objectives)
    if (change !== undefined)
      transforms.set(name, await MetamorphicTransform.make(change, descriptors, masterSeed));
  return transforms;
}

let plausibilityModel: Model | undefined;

/** Opens the model that tells plausible mutants from others. */
async function loadPlausibility(bound: PlausibilityBound | undefined): Promise<Plausibility | undefined> {
  await plausibilityModel?.dispose();
  plausibilityModel = undefined;
  if (bound === undefined) return undefined;
  plausibilityModel = await loadWithinLimits(bound.path, PLAUSIBILITY_LOADING);
  return new Plausibility(new BatchedModel(plausibilityModel), bound);
}

/** What a criterion is made in, without its reference. */
function criterionSettings({
  masterSeed,
  varying,
}: Pick<WorkerSetup, 'masterSeed' | 'varying'>): CoverageCriterionSettings {
  return { seed: masterSeed, varying, layout: neuronLayout(requireModel()) };
}

/** Bytes of the largest testcase that mutators may make. */
function largestRowBytes(descriptors: readonly InputDescriptor[]): number {
  return descriptors.reduce((sum, { type, size }) => sum + size * DTYPES[type].bytes, 0);
}

const methods = {
  /** Imports all plug-ins and describes the objectives. A plug-in that hangs or crashes ends this process alone. */
  async describeObjectives({
    specs,
    modules,
  }: {
    readonly specs: readonly string[];
    readonly modules: readonly PluginModule[];
  }): Promise<ObjectiveDescriptor[]> {
    for (const { flag, path } of modules) await importPlugin(flag, path);
    return (await makeObjectives(specs)).map(describeObjective);
  },

  async load({
    path,
    options,
  }: {
    readonly path: string;
    readonly options: LoadOptions;
  }): Promise<ModelDescription> {
    await model?.dispose();
    model = undefined;
    batchedModel = undefined;
    model = await loadWithinLimits(path, options);
    loadedWith = options;
    return describeModel(model);
  },

  /** Replaces the model by a copy with a free batch where that gives equal results; see `tryOpenBatch`. */
  async openBatch(testcases: readonly TestcaseData[]): Promise<BatchOpeningReport> {
    if (loadedWith === undefined) throw new Error('no model is loaded');
    const original = requireModel();
    const opening = await tryOpenBatch(original, loadedWith, testcases);
    if ('refusal' in opening) return opening;
    await original.dispose();
    model = opening.model;
    return { description: describeModel(model), isExact: opening.isExact };
  },

  /** Whether answers depend on the rest of the batch; see `lookAtBatches`. */
  lookAtBatches(look: BatchLook): Promise<BatchDependence | undefined> {
    const options = loadedWith;
    if (options === undefined) throw new Error('no model is loaded');
    const loaded = requireModel();
    return lookAtBatches(
      loaded,
      () => loadWithinLimits(loaded.path, options),
      look,
      () => heartbeat(),
    );
  },

  /** How far gaps move in the models of a pair; see `measurePairNoise`. */
  measureNoise(request: NoiseRequest): Promise<PairNoise> {
    const options = loadedWith;
    if (options === undefined) throw new Error('no model is loaded');
    const { path } = requireModel();
    batchedModel ??= new BatchedModel(requireModel());
    return measurePairNoise(
      batchedModel,
      (threads) => loadWithinLimits(path, { ...options, threads }),
      request,
      () => heartbeat(),
    );
  },

  deriveQuantizedModel: ({
    kind,
    seeds,
    half,
  }: {
    readonly kind: Quantization;
    readonly seeds: readonly TestcaseData[];
    readonly half?: HalfSettings | undefined;
  }): Promise<ModelFiles> => deriveFromLoadedModel(requireModel(), kind, seeds, half),

  randomize: (request: RandomizeRequest): Promise<ModelFiles> => randomizeModel(request),

  tryRun: (testcase: TestcaseData): Promise<string | undefined> =>
    withinFirstRunLimits(byteLengthOf(testcase), () => tryRun(requireModel(), testcase)),

  /** Runs one and two testcases; see `BatchedModel.probe`. */
  async probe({
    testcases,
    watched,
  }: {
    readonly testcases: readonly TestcaseData[];
    readonly watched: readonly string[];
  }): Promise<ProbeResult> {
    batchedModel = new BatchedModel(requireModel());
    const model = batchedModel;
    const bytes = testcases.reduce((sum, testcase) => sum + byteLengthOf(testcase), 0);
    return withinFirstRunLimits(bytes, () => probeTensors(model, testcases, watched));
  },

  /** The goals whose tensors can be watched, a row for each testcase. */
  async observableGoals({
    testcase,
    goals,
    watched,
  }: {
    readonly testcase: TestcaseData;
    readonly goals: readonly SearchGoal[];
    readonly watched: readonly string[];
  }): Promise<SearchGoal[]> {
    // Before any are exposed together: one that can't be watched would take the others with it.
    const tensors = exposedTensors(goals, watched);
    batchedModel ??= new BatchedModel(requireModel());
    const watchable = new Set(
      await batchedModel.findWatchableTensors(packBatch([testcase, testcase]), tensors),
    );
    return goals
      .filter((goal) => marginTensors(goal).every((name) => watchable.has(name)))
      .map((goal) => withResults(goal, (name) => watchable.has(name)));
  },

  /** The sites, with the hazard targets that are reachable while the inputs are within their intervals and boxes. */
  reachableSites: ({
    intervals,
    boxes,
  }: {
    readonly intervals: ReadonlyMap<string, Interval>;
    readonly boxes: InputBoxes;
  }): ReachableSite[] => findReachableSites(requireModel(), intervals, boxes),

  /**
   * Collects a criterion's reference from runs of inputs, some at a time. Inputs that the model fails do not count.
   *
   * @returns how many inputs of this part the model fails on, and with `isLast` the reference of all parts, unless the model fails on all of
   *   them or the criterion has none
   */
  async collectReference(
    request: ReferenceRequest,
  ): Promise<{ readonly failed: number; readonly reference?: CoverageReference }> {
    const { criterion, testcases, batch, isFirst, isLast, isGiven } = request;
    if (isFirst)
      referenceCollector = await makeReferenceCollector(criterion, criterionSettings(request), isGiven);
    if (referenceCollector === undefined) return { failed: 0 };
    const watched = observedTensors(criterion, request.watched, requireModel().capabilities.mapMeans);
    batchedModel ??= new BatchedModel(requireModel());
    const failed = await runReference(batchedModel, testcases, watched, batch, referenceCollector, heartbeat);
    if (isFirst) ranReference = 0;
    ranReference += testcases.length - failed;
    return isLast && ranReference > 0 ? { failed, reference: referenceCollector.finish() } : { failed };
  },

  checkJudges: ({
    judges,
    testcase,
  }: {
    readonly judges: readonly JudgePath[];
    readonly testcase: TestcaseData;
  }): Promise<string[]> => checkJudges(judges, requireModel(), testcase),

  encodedShapes: (paths: CodecPaths) => encodedShapes(paths),

  sampleGenerator: ({ path, request }: { readonly path: string; readonly request: SampleRequest }) =>
    sampleGeneratorAt(path, request),

  surveyLatent: (request: LatentRequest): Promise<LatentReport> => surveyLatent(request, () => heartbeat()),

  async prepare(setup: WorkerSetup): Promise<PreparedInfo> {
    const { goals, descriptors, resizedDescriptors, masterSeed, judges, latent, ...sent } = setup;
    const watched = observedTensors(setup.criterion, setup.watched, requireModel().capabilities.mapMeans);
    if (setup.pathRemap !== undefined) installPathRemap(setup.pathRemap);
    setCallTimeout(setup.callLimit);
    limitRuns(setup.batch * largestRowBytes(resizedDescriptors ?? descriptors));
    const objectives = await makeObjectives(setup.objectives);
    const transforms = await makeTransforms(objectives, descriptors, masterSeed);
    const criterion = await resolveCriterion(setup.criterion, {
      ...criterionSettings(setup),
      ...(setup.reference === undefined ? {} : { reference: setup.reference }),
    });
    const { feedback } = criterion;
    const plausibility = await loadPlausibility(setup.plausible);
    const options: PreparedWorker['options'] = {
      ...sent,
      goals,
      descriptors,
      masterSeed,
      ...(plausibility === undefined ? {} : { plausibility }),
      ...(judges === undefined ? {} : { judges: await openJudges(judges) }),
      ...(latent === undefined ? {} : { latentSpace: await openSpace(latent) }),
      watched,
      model: new BatchedModel(requireModel(), setup.noise),
      objectives,
      transforms,
      arms: await makeArms(setup.mutators, setup.descriptors),
      criterion,
    };
    preparedWorker = {
      feedback,
      options,
      taskRunners: new TaskRunners(options, {
        ...(resizedDescriptors === undefined
          ? {}
          : {
              descriptors: resizedDescriptors,
              transforms: await makeTransforms(objectives, resizedDescriptors, masterSeed),
            }),
      }),
      entryCache: EntryCache.forTestcases(setup.warm),
    };
    const alwaysWatched = watchedTensors(watched, objectives, requireModel());
    const warm = packBatch([setup.warm]);
    const result = await options.model.run(warm, 1, alwaysWatched);
    for (const objective of objectives) {
      const transform = transforms.get(objective.name);
      const transformed = transform && (() => transform.apply(warm, 1));
      const [slice] = await prepareSlices(objective, options.model, result, { testcases: warm }, transformed);
      if (slice !== undefined) checkObjective(objective, slice.batch, setup.labels);
    }
    if (goals.every((goal) => goalTensors(goal).length === 0)) return { feedback };
    // After the run above, whose session exposes nothing but the watched tensors and stays in use.
    const exposed = exposedTensors(goals, alwaysWatched);
    requireModel().capabilities.tensorExposure?.expose(exposed);
    await options.model.run(warm, 1, exposed);
    return { feedback };
  },

  /** Runs testcases; the results are without them, since the caller has them. */
  runSeeds: async ({
    testcases,
    labels,
  }: {
    readonly testcases: readonly TestcaseData[];
    readonly labels: readonly number[] | undefined;
  }): Promise<SeedVerdict[]> =>
    (await runSeeds(requirePrepared().options, testcases, labels)).map(
      ({ data: _data, ...verdict }) => verdict,
    ),

  calibrate: ({ seeds, plan }: { readonly seeds: readonly SeedResult[]; readonly plan: CalibrationPlan }) =>
    calibrate(requirePrepared().options, seeds, plan, heartbeat),

  /** Opens the history; returns how many of the first `size` observations it holds already. */
  openIndex(parameters: {
    readonly width: number;
    readonly size: number;
    readonly snapshotFolder: string;
  }): number {
    width = parameters.width;
    const { feedback, options } = requirePrepared();
    history = feedbackKind(feedback).openHistory(width, {
      folder: parameters.snapshotFolder,
      reference: options.reference,
    });
    return history.loadPrefix(parameters.size);
  },

  grow: growIndex,

  runTask({ task, span, ...needed }: TaskMessage): Promise<TaskResult> {
    const { runner, view } = requirePrepared().taskRunners.forTask(task, makeView(needed));
    return runner.run(task, view, span, () => heartbeat());
  },

  /** Makes one mutant of a task without running it. */
  makeMutant({ task, span, ...needed }: TaskMessage) {
    const { runner, view } = requirePrepared().taskRunners.forTask(task, makeView(needed));
    return runner.makeMutant(task, view, span.from);
  },
};

export type FuzzApi = typeof methods;

serve(methods);
