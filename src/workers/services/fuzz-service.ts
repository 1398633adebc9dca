/** A worker process: one session of the model on one thread, and nothing that it could not be given again. */

import { describe } from '../../analysis/describe-model.ts';
import type { Interval } from '../../analysis/numerical-sites/interval.ts';
import { withinReach } from '../../analysis/numerical-sites/reachability.ts';
import type { Site } from '../../analysis/numerical-sites/site.ts';
import { tensorsOf } from '../../analysis/numerical-sites/site-margins.ts';
import type { Limits } from '../../constraints/options.ts';
import { UserError } from '../../core/errors.ts';
import type { NeighbourIndex } from '../../coverage/index/neighbour-index.ts';
import { indexOf, measureOf } from '../../coverage/registry.ts';
import { type Comparison, comparePair } from '../../evaluation/compare-models.ts';
import { alwaysWatched, partsFor } from '../../evaluation/judged-batch.ts';
import { settle } from '../../extensions/path-remap.ts';
import { importPlugin, limitCalls } from '../../extensions/plugin-loader.ts';
import type { Resizing } from '../../fuzzer/generation/length-changes.ts';
import { Changer } from '../../fuzzer/generation/metamorphic-transform.ts';
import { type Bundle, unbundled } from '../../fuzzer/packed-testcases.ts';
import { makeArms } from '../../fuzzer/scheduling/mutator-arms.ts';
import type { Parcel, Span, Task, TaskResult } from '../../fuzzer/scheduling/task.ts';
import type { Point } from '../../fuzzer/search/directed-search.ts';
import { calibrate, type RunSeed, runSeeds } from '../../fuzzer/seed-runner.ts';
import { type View, Worker, type WorkerOptions } from '../../fuzzer/task-runner.ts';
import type { InputTraits } from '../../inputs/input-descriptor.ts';
import type { TestcaseData } from '../../inputs/testcase.ts';
import { packRows, RowModel } from '../../model/batched-model.ts';
import type { LoadOptions, Model, ModelInfo } from '../../model/model.ts';
import { deriveCopy } from '../../model/quantize/derive.ts';
import type { ModelFiles, Quantization } from '../../model/quantize/kind.ts';
import { spansOf } from '../../model/quantize/spans.ts';
import type { Objective, Run } from '../../objectives/objective.ts';
import { makeObjective, makeObjectives } from '../../objectives/registry.ts';
import { Shelf, shelfCapacity } from '../entry-cache.ts';
import { loadWithinLimits } from '../load-within-limits.ts';
import { beat, serve } from '../rpc-server.ts';

/** What a worker is made from, as plain data. */
export interface WorkerSetup {
  readonly traits: readonly InputTraits[];
  /** Whether testcases may be of several forms. */
  readonly varying: boolean;
  readonly objectives: readonly string[];
  /** The specs of each input's mutators; none leave it alone. */
  readonly mutators: readonly (readonly string[])[];
  readonly limits: Limits;
  readonly resizing: Resizing | undefined;
  readonly watched: readonly string[];
  /** Where operations go wrong, that tasks may be for. */
  readonly points: readonly Point[];
  /** Whether there is memory for tracing violations to operations. */
  readonly traces: boolean;
  /** Name or path of what coverage compares. */
  readonly measure: string;
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
  readonly places?: Readonly<Record<string, string>>;
}

/** A module that the user names for something else than an objective. */
export interface PluginModule {
  readonly flag: string;
  readonly path: string;
}

/** What the campaign needs to know of an objective, as plain data: it may come from a plug-in. */
export interface ObjectiveTraits
  extends Pick<Objective, 'name' | 'tensors' | 'labelled' | 'timed' | 'excuses' | 'plugin' | 'ways'> {
  readonly hasMargins: boolean;
  readonly sided: boolean;
  /** Whether it can tell of margins before there are outputs. */
  readonly foresees: boolean;
  /** Whether its violations are traced to operations. */
  readonly places: boolean;
}

/** What several entries need to be mutated. */
export interface Parcels extends Bundle {
  readonly entries: readonly number[];
  readonly ancestors: readonly number[];
  readonly references: readonly number[];
  /** Classes that ancestors show, below 0 where that is not known; absent without labels. */
  readonly labels?: readonly number[];
}

/** A task with what this worker lacks for it. */
export interface TaskMessage {
  readonly task: Task;
  readonly span: Span;
  /** Entries that the task needs, in the order of their use; those not on the shelf come along. */
  readonly needs: readonly number[];
  readonly parcels: Parcels;
  /** Activations to add to the index, one after the other. */
  readonly vectors: Float32Array;
}

/** What two models are compared on, and what is told. */
export interface ComparisonAsked {
  readonly testcases: readonly TestcaseData[];
  /** Spec of the objective that says what a disagreement is. */
  readonly objective: string;
  /** Testcases that are listed. */
  readonly worst: number;
  /** Decibels below which a layer counts as departed. */
  readonly bound: number;
}

/** How a model takes testcases while some tensors are watched. */
export interface Probed {
  /** Why runs are limited to one testcase, if they are. */
  readonly limited: string | undefined;
  readonly largestBatch: number;
  /** Watched tensors that are not laid out by testcases. */
  readonly unfit: readonly string[];
}

interface Ready {
  readonly options: WorkerOptions;
  readonly worker: Worker;
  readonly shelf: Shelf<Parcel>;
}

let model: Model | undefined;
let rows: RowModel | undefined;
let ready: Ready | undefined;
let index: NeighbourIndex | undefined;
let width = 0;

function loaded(): Model {
  if (model === undefined) throw new Error('no model is loaded');
  return model;
}

function prepared(): Ready {
  if (ready === undefined) throw new Error('the worker is not prepared');
  return ready;
}

/** Vectors between two signs of life. */
const BEAT_VECTORS = 500;

function grow(vectors: Float32Array): void {
  for (let from = 0, n = 1; from < vectors.length; from += width, n++) {
    index?.add(vectors.subarray(from, from + width));
    if (n % BEAT_VECTORS === 0) beat();
  }
}

/** What a point needs to be watched. */
function watchedFor(point: Point): readonly string[] {
  return 'site' in point ? tensorsOf(point.aim) : [];
}

/** All that tasks watch, for coverage and for points. */
function exposedFor(points: readonly Point[], watched: readonly string[]): string[] {
  return [...new Set([...watched, ...points.flatMap(watchedFor)])];
}

function viewFor({ needs, parcels, vectors }: Omit<TaskMessage, 'task' | 'span'>): View {
  const { shelf } = prepared();
  grow(vectors);
  parcels.entries.forEach((entry, i) => {
    const [ancestor, reference] = [parcels.ancestors[i], parcels.references[i]];
    const label = parcels.labels?.[i];
    const known = label === undefined ? {} : { label };
    shelf.put(entry, { entry, ancestor, reference, ...known, ...unbundled(parcels, i) });
  });
  shelf.use(needs);
  const parcel = (entry: number): Parcel => {
    const found = shelf.get(entry);
    if (found === undefined) throw new Error(`entry ${entry} was not sent`);
    return found;
  };
  return { parcel, index };
}

/** @throws UserError where an objective can't judge runs like this one, or a class that a seed shows */
function refuse(objective: Objective, run: Run, labels: readonly number[]): void {
  const runs = objective.labelled === true ? labels.map((label) => ({ ...run, labels: [label] })) : [run];
  for (const one of runs) {
    const why = objective.refuses?.(one);
    if (why !== undefined) throw new UserError(`--objective: ${objective.name} ${why}`);
  }
}

const methods = {
  /** What the campaign needs to know of objectives. A plug-in that never comes to an end ends this process alone. */
  async objectives({
    specs,
    modules,
  }: {
    readonly specs: readonly string[];
    readonly modules: readonly PluginModule[];
  }): Promise<ObjectiveTraits[]> {
    for (const { flag, path } of modules) await importPlugin(flag, path);
    const made = await makeObjectives(specs);
    return made.map(
      ({ name, tensors, labelled, timed, excuses, plugin, ways, margins, looks, sided, place }) => ({
        name,
        tensors: tensors ?? [],
        labelled: labelled === true,
        timed: timed === true,
        excuses,
        hasMargins: margins !== undefined,
        sided: sided === true,
        foresees: looks === true,
        places: place !== undefined,
        ...(ways === undefined ? {} : { ways }),
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
    rows = undefined;
    model = await loadWithinLimits(path, options);
    return describe(model);
  },

  /** Derives a quantized copy, calibrated on testcases; see `deriveCopy`. */
  derive: ({
    kind,
    seeds,
  }: {
    readonly kind: Quantization;
    readonly seeds: readonly TestcaseData[];
  }): Promise<ModelFiles> => {
    const own = new RowModel(loaded());
    return deriveCopy(loaded().path, kind, (tensors) => spansOf(own, seeds, tensors, beat));
  },

  /** Runs a pair on testcases; see `comparePair`. */
  compare: async ({ testcases, objective, worst, bound }: ComparisonAsked): Promise<Comparison> => {
    rows ??= new RowModel(loaded());
    return comparePair(rows, testcases, await makeObjective(objective), { most: worst, bound }, beat);
  },

  /** Tries one and two testcases; see `RowModel.probe`. */
  async probe(parameters: {
    readonly testcases: readonly TestcaseData[];
    readonly watched: readonly string[];
  }): Promise<Probed> {
    rows = new RowModel(loaded());
    const block = packRows(parameters.testcases);
    const limited = await rows.probe(block, parameters.watched);
    const unfit = limited === undefined ? [] : await rows.unfit(block, parameters.watched);
    return { limited, largestBatch: rows.largestBatch, unfit };
  },

  /** Those points whose tensors can be watched, a row for each testcase. */
  async climbable(parameters: {
    readonly testcase: TestcaseData;
    readonly points: readonly Point[];
    readonly watched: readonly string[];
  }): Promise<Point[]> {
    const { testcase, points, watched } = parameters;
    // Before any are exposed together: one that can't be would take the others with it.
    const tensors = exposedFor(points, watched);
    rows ??= new RowModel(loaded());
    const block = packRows([testcase, testcase]);
    const can = new Set(await rows.watchable(block, tensors));
    return points.filter((point) => watchedFor(point).every((name) => can.has(name)));
  },

  /** The sites, with the aims that can be reached while the inputs are within their intervals. */
  withinReach: (inputs: ReadonlyMap<string, Interval>): Site[] => withinReach(loaded(), inputs),

  async prepare(setup: WorkerSetup): Promise<void> {
    const { points, watched, traits, masterSeed } = setup;
    if (setup.places !== undefined) settle(setup.places);
    limitCalls(setup.callLimit);
    const objectives = await makeObjectives(setup.objectives);
    const changers = new Map<string, Changer>();
    for (const { name, change } of objectives)
      if (change !== undefined) changers.set(name, await Changer.make(change, traits, masterSeed));
    const options: WorkerOptions = {
      ...setup,
      model: new RowModel(loaded()),
      objectives,
      changers,
      arms: await makeArms(setup.mutators, setup.traits),
      measure: await measureOf(setup.measure, { seed: masterSeed, varying: setup.varying }),
    };
    const bytes = setup.warm.columns.reduce((sum, { byteLength }) => sum + byteLength, 0);
    ready = { options, worker: new Worker(options), shelf: new Shelf(shelfCapacity(bytes)) };
    const always = alwaysWatched(watched, objectives, loaded());
    const warm = packRows([setup.warm]);
    const result = await options.model.run(warm, 1, always);
    for (const objective of objectives) {
      const changer = changers.get(objective.name);
      const changed = changer && (() => changer.change(warm, 1));
      const [{ run }] = await partsFor(objective, options.model, result, {}, changed);
      refuse(objective, run, setup.labels);
    }
    if (points.every((point) => watchedFor(point).length === 0)) return;
    // After the one above: that goes on in a session in which nothing but what is watched is exposed.
    const exposed = exposedFor(points, always);
    loaded().expose?.(exposed);
    await options.model.run(packRows([setup.warm]), 1, exposed);
  },

  seeds: ({
    testcases,
    labels,
  }: {
    readonly testcases: readonly TestcaseData[];
    readonly labels: readonly number[] | undefined;
  }): Promise<RunSeed[]> => runSeeds(prepared().options, testcases, labels),

  calibrate: ({ seeds, mutants }: { readonly seeds: readonly RunSeed[]; readonly mutants: number }) =>
    calibrate(prepared().options, seeds, mutants, beat),

  /** Opens the index; returns how many of the first `size` vectors it has already. */
  openIndex(parameters: { readonly width: number; readonly size: number; readonly sealed: string }): number {
    width = parameters.width;
    index = indexOf(width, { folder: parameters.sealed });
    return index.skip(parameters.size);
  },

  grow,

  run: ({ task, span, ...needed }: TaskMessage): Promise<TaskResult> =>
    prepared().worker.run(task, viewFor(needed), span, beat),

  /** Makes one mutant without running it. */
  mutant: ({ task, span, ...needed }: TaskMessage) =>
    prepared().worker.mutant(task, viewFor(needed), span.from),
};

export type WorkerApi = typeof methods;

serve(methods);
