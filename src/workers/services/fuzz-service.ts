/** A worker process: one session of the model on one thread, and nothing that it could not be given again. */

import { describeModel } from '../../analysis/describe-model.ts';
import type { Interval } from '../../analysis/numerical-sites/interval.ts';
import { findReachableSites } from '../../analysis/numerical-sites/reachability.ts';
import type { NumericalSite } from '../../analysis/numerical-sites/site.ts';
import { tensorsToWatch } from '../../analysis/numerical-sites/site-margins.ts';
import type { ConstraintLimits } from '../../constraints/options.ts';
import { UserError } from '../../core/errors.ts';
import type { NeighbourIndex } from '../../coverage/index/neighbour-index.ts';
import { makeNeighbourIndex, resolveCriterion } from '../../coverage/registry.ts';
import { prepareSlices, watchedTensors } from '../../evaluation/judged-batch.ts';
import { installPathRemap } from '../../extensions/path-remap.ts';
import { importPlugin, setCallTimeout } from '../../extensions/plugin-loader.ts';
import type { LengthChanges } from '../../fuzzer/generation/length-changes.ts';
import { MetamorphicTransform } from '../../fuzzer/generation/metamorphic-transform.ts';
import { type PackedEntries, unpackEntry } from '../../fuzzer/packed-entries.ts';
import { makeArms } from '../../fuzzer/scheduling/mutator-arms.ts';
import type { CorpusEntryData, Span, Task, TaskResult } from '../../fuzzer/scheduling/task.ts';
import type { SearchGoal } from '../../fuzzer/search/directed-search.ts';
import { calibrate, runSeeds, type SeedResult } from '../../fuzzer/seed-runner.ts';
import { type CorpusView, TaskRunner, type TaskRunnerOptions } from '../../fuzzer/task-runner.ts';
import type { InputDescriptor } from '../../inputs/input-descriptor.ts';
import type { TestcaseData } from '../../inputs/testcase.ts';
import { BatchedModel, packBatch } from '../../model/batched-model.ts';
import type { LoadOptions, Model, ModelInfo } from '../../model/model.ts';
import type { ModelFiles, Quantization } from '../../model/quantize/kind.ts';
import type { JudgedBatch, Objective } from '../../objectives/objective.ts';
import { makeObjectives } from '../../objectives/registry.ts';
import { deriveFromLoadedModel } from '../derive-from-loaded-model.ts';
import { EntryCache } from '../entry-cache.ts';
import { loadWithinLimits } from '../load-within-limits.ts';
import { heartbeat, serve } from '../rpc-server.ts';

/** What a worker is made from, as plain data. */
export interface WorkerSetup {
  readonly descriptors: readonly InputDescriptor[];
  /** Whether testcases may be of several forms. */
  readonly varying: boolean;
  readonly objectives: readonly string[];
  /** The specs of each input's mutators; none leave it alone. */
  readonly mutators: readonly (readonly string[])[];
  readonly limits: ConstraintLimits;
  readonly lengthChanges: LengthChanges | undefined;
  readonly watched: readonly string[];
  /** Where operations go wrong, that tasks may be for. */
  readonly goals: readonly SearchGoal[];
  /** Whether there is memory for tracing violations to operations. */
  readonly traces: boolean;
  /** Name or path of what coverage compares. */
  readonly criterion: string;
  readonly masterSeed: string;
  readonly batch: number;
  readonly keep: number;
  /** Classes that seeds show, each once. */
  readonly labels: readonly number[];
  /** Milliseconds that one call of a plug-in may take. */
  readonly callLimit: number;
  /** A testcase to open the model's session with; that takes longer than a run. */
  readonly warm: TestcaseData;
  /** Of another machine's campaign: where the files lie that specs name; no other is read. */
  readonly pathRemap?: Readonly<Record<string, string>>;
}

/** A module that the user names for something else than an objective. */
export interface PluginModule {
  readonly flag: string;
  readonly path: string;
}

/** What the campaign needs to know of an objective, as plain data: it may come from a plug-in. */
export interface ObjectiveDescriptor
  extends Pick<
    Objective,
    'name' | 'tensors' | 'labelled' | 'timed' | 'seedExemption' | 'plugin' | 'marginSignatures'
  > {
  readonly hasMargins: boolean;
  readonly isTwoSided: boolean;
  /** Whether it can tell of margins before there are outputs. */
  readonly predictsBeforeOutput: boolean;
  /** Whether its violations are traced to operations. */
  readonly isAttributable: boolean;
}

/** A task with what this worker lacks for it. */
export interface TaskMessage {
  readonly task: Task;
  readonly span: Span;
  /** Entries that the task needs, in the order of their use; those not on the shelf come along. */
  readonly requiredEntries: readonly number[];
  readonly packedEntries: PackedEntries;
  /** Activations to add to the index, one after the other. */
  readonly vectors: Float32Array;
}

/** How a model takes testcases while some tensors are watched. */
export interface ProbeResult {
  /** Why runs are limited to one testcase, if they are. */
  readonly batchLimitReason: string | undefined;
  readonly largestBatch: number;
  /** Watched tensors that are not laid out by testcases. */
  readonly unbatchedTensors: readonly string[];
}

interface PreparedWorker {
  readonly options: TaskRunnerOptions;
  readonly taskRunner: TaskRunner;
  readonly entryCache: EntryCache<CorpusEntryData>;
}

let model: Model | undefined;
let batchedModel: BatchedModel | undefined;
let preparedWorker: PreparedWorker | undefined;
let index: NeighbourIndex | undefined;
let width = 0;

function requireModel(): Model {
  if (model === undefined) throw new Error('no model is loaded');
  return model;
}

function requirePrepared(): PreparedWorker {
  if (preparedWorker === undefined) throw new Error('the worker is not prepared');
  return preparedWorker;
}

/** Vectors between two signs of life. */
const HEARTBEAT_INTERVAL_VECTORS = 500;

function growIndex(vectors: Float32Array): void {
  for (let from = 0, n = 1; from < vectors.length; from += width, n++) {
    index?.add(vectors.subarray(from, from + width));
    if (n % HEARTBEAT_INTERVAL_VECTORS === 0) heartbeat();
  }
}

/** What a point needs to be watched. */
function goalTensors(point: SearchGoal): readonly string[] {
  return 'site' in point ? tensorsToWatch(point.hazardTarget) : [];
}

/** All that tasks watch, for coverage and for points. */
function exposedTensors(points: readonly SearchGoal[], watched: readonly string[]): string[] {
  return [...new Set([...watched, ...points.flatMap(goalTensors)])];
}

function makeView({
  requiredEntries,
  packedEntries,
  vectors,
}: Omit<TaskMessage, 'task' | 'span'>): CorpusView {
  const { entryCache } = requirePrepared();
  growIndex(vectors);
  packedEntries.entries.forEach((entry, i) => {
    entryCache.set(entry, unpackEntry(packedEntries, i));
  });
  entryCache.touch(requiredEntries);
  const entryData = (entry: number): CorpusEntryData => {
    const cached = entryCache.get(entry);
    if (cached === undefined) throw new Error(`entry ${entry} was not sent`);
    return cached;
  };
  return { entryData, index };
}

/** @throws UserError where an objective can't judge runs like this one, or a class that a seed shows */
function checkObjective(objective: Objective, run: JudgedBatch, labels: readonly number[]): void {
  const runs = objective.labelled === true ? labels.map((label) => ({ ...run, labels: [label] })) : [run];
  for (const one of runs) {
    const why = objective.refuses?.(one);
    if (why !== undefined) throw new UserError(`--objective: ${objective.name} ${why}`);
  }
}

const methods = {
  /** What the campaign needs to know of objectives. A plug-in that never comes to an end ends this process alone. */
  async describeObjectives({
    specs,
    modules,
  }: {
    readonly specs: readonly string[];
    readonly modules: readonly PluginModule[];
  }): Promise<ObjectiveDescriptor[]> {
    for (const { flag, path } of modules) await importPlugin(flag, path);
    const made = await makeObjectives(specs);
    return made.map(
      ({
        name,
        tensors,
        labelled,
        timed,
        seedExemption,
        plugin,
        marginSignatures,
        margins,
        predictsBeforeOutput,
        isTwoSided,
        attribute,
      }) => ({
        name,
        tensors: tensors ?? [],
        labelled: labelled === true,
        timed: timed === true,
        seedExemption,
        hasMargins: margins !== undefined,
        isTwoSided: isTwoSided === true,
        predictsBeforeOutput: predictsBeforeOutput === true,
        isAttributable: attribute !== undefined,
        ...(marginSignatures === undefined ? {} : { marginSignatures }),
        ...(plugin === undefined ? {} : { plugin }),
      }),
    );
  },

  async load({
    path,
    options,
  }: {
    readonly path: string;
    readonly options: LoadOptions;
  }): Promise<ModelInfo> {
    await model?.dispose();
    model = undefined;
    batchedModel = undefined;
    model = await loadWithinLimits(path, options);
    return describeModel(model);
  },

  deriveQuantizedModel: ({
    kind,
    seeds,
  }: {
    readonly kind: Quantization;
    readonly seeds: readonly TestcaseData[];
  }): Promise<ModelFiles> => deriveFromLoadedModel(requireModel(), kind, seeds),

  /** Tries one and two testcases; see `RowModel.probe`. */
  async probe(parameters: {
    readonly testcases: readonly TestcaseData[];
    readonly watched: readonly string[];
  }): Promise<ProbeResult> {
    batchedModel = new BatchedModel(requireModel());
    const block = packBatch(parameters.testcases);
    const limited = await batchedModel.probe(block, parameters.watched);
    const unfit =
      limited === undefined ? [] : await batchedModel.findUnbatchedTensors(block, parameters.watched);
    return { batchLimitReason: limited, largestBatch: batchedModel.maxBatchSize, unbatchedTensors: unfit };
  },

  /** Those points whose tensors can be watched, a row for each testcase. */
  async observableGoals(parameters: {
    readonly testcase: TestcaseData;
    readonly points: readonly SearchGoal[];
    readonly watched: readonly string[];
  }): Promise<SearchGoal[]> {
    const { testcase, points, watched } = parameters;
    // Before any are exposed together: one that can't be would take the others with it.
    const tensors = exposedTensors(points, watched);
    batchedModel ??= new BatchedModel(requireModel());
    const block = packBatch([testcase, testcase]);
    const can = new Set(await batchedModel.findWatchableTensors(block, tensors));
    return points.filter((point) => goalTensors(point).every((name) => can.has(name)));
  },

  /** The sites, with the aims that can be reached while the inputs are within their intervals. */
  reachableSites: (inputs: ReadonlyMap<string, Interval>): NumericalSite[] =>
    findReachableSites(requireModel(), inputs),

  async prepare(setup: WorkerSetup): Promise<void> {
    const { goals, watched, descriptors, masterSeed } = setup;
    if (setup.pathRemap !== undefined) installPathRemap(setup.pathRemap);
    setCallTimeout(setup.callLimit);
    const describeObjectives = await makeObjectives(setup.objectives);
    const changers = new Map<string, MetamorphicTransform>();
    for (const { name, change } of describeObjectives)
      if (change !== undefined)
        changers.set(name, await MetamorphicTransform.make(change, descriptors, masterSeed));
    const options: TaskRunnerOptions = {
      ...setup,
      model: new BatchedModel(requireModel()),
      objectives: describeObjectives,
      transforms: changers,
      arms: await makeArms(setup.mutators, setup.descriptors),
      criterion: await resolveCriterion(setup.criterion, { seed: masterSeed, varying: setup.varying }),
    };
    preparedWorker = {
      options,
      taskRunner: new TaskRunner(options),
      entryCache: EntryCache.forTestcases(setup.warm),
    };
    const always = watchedTensors(watched, describeObjectives, requireModel());
    const warm = packBatch([setup.warm]);
    const result = await options.model.run(warm, 1, always);
    for (const objective of describeObjectives) {
      const changer = changers.get(objective.name);
      const changed = changer && (() => changer.apply(warm, 1));
      const [{ batch }] = await prepareSlices(objective, options.model, result, {}, changed);
      checkObjective(objective, batch, setup.labels);
    }
    if (goals.every((point) => goalTensors(point).length === 0)) return;
    // After the one above: that goes on in a session in which nothing but what is watched is exposed.
    const exposed = exposedTensors(goals, always);
    requireModel().expose?.(exposed);
    await options.model.run(packBatch([setup.warm]), 1, exposed);
  },

  runSeeds: ({
    testcases,
    labels,
  }: {
    readonly testcases: readonly TestcaseData[];
    readonly labels: readonly number[] | undefined;
  }): Promise<SeedResult[]> => runSeeds(requirePrepared().options, testcases, labels),

  calibrate: ({ seeds, mutants }: { readonly seeds: readonly SeedResult[]; readonly mutants: number }) =>
    calibrate(requirePrepared().options, seeds, mutants, heartbeat),

  /** Opens the index; returns how many of the first `size` vectors it has already. */
  openIndex(parameters: { readonly width: number; readonly size: number; readonly sealed: string }): number {
    width = parameters.width;
    index = makeNeighbourIndex(width, { folder: parameters.sealed });
    return index.loadPrefix(parameters.size);
  },

  grow: growIndex,

  runTask: ({ task, span, ...needed }: TaskMessage): Promise<TaskResult> =>
    requirePrepared().taskRunner.run(task, makeView(needed), span, heartbeat),

  /** Makes one mutant without running it. */
  makeMutant: ({ task, span, ...needed }: TaskMessage) =>
    requirePrepared().taskRunner.makeMutant(task, makeView(needed), span.from),
};

export type FuzzApi = typeof methods;

serve(methods);
