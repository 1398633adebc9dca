import { reason } from '../core/errors.ts';
import { isFiniteVector, type NeighbourIndex, squaredDistance } from '../coverage/index/neighbour-index.ts';
import type { Measure } from '../coverage/registry.ts';
import { Placer } from '../evaluation/attribution.ts';
import {
  alwaysWatched,
  type Circumstances,
  type Part,
  partsFor,
  runRows,
  Stopwatch,
} from '../evaluation/judged-batch.ts';
import { guarded, PluginFailure } from '../extensions/plugin-loader.ts';
import type { TestcaseData } from '../inputs/testcase.ts';
import { type Form, packRows, type RowModel, type RowResult } from '../model/batched-model.ts';
import { failedRun } from '../objectives/crash-signature.ts';
import type { Objective, Run, Violation } from '../objectives/objective.ts';
import { outcomeOf } from './corpus/predicted-class.ts';
import type { Changer } from './generation/metamorphic-transform.ts';
import {
  BatchMaker,
  type MakerOptions,
  type Parents,
  type Step,
  wholeOf,
} from './generation/mutant-generator.ts';
import { HitBook } from './hit-collector.ts';
import { bundled } from './packed-testcases.ts';
import type { PhaseSeconds, PluginEnd, Span, Task, TaskResult } from './scheduling/task.ts';
import { MUTANTS_PER_PICK } from './scheduling/task-sizes.ts';
import type { Point } from './search/directed-search.ts';
import { type Candidate, Climber } from './search/goal-tracker.ts';
import { Lines } from './search/trajectories.ts';

/** All that a worker is made from; two workers made alike give the same results. */
export interface WorkerOptions extends MakerOptions {
  readonly model: RowModel;
  readonly objectives: readonly Objective[];
  /** What testcases are changed by, of each objective that runs them twice. */
  readonly changers: ReadonlyMap<string, Changer>;
  readonly watched: readonly string[];
  /** Where operations go wrong, that tasks may be for. */
  readonly points: readonly Point[];
  /** Whether testcases may be of several forms. */
  readonly varying: boolean;
  /** Whether there is memory for tracing violations to operations. */
  readonly traces: boolean;
  readonly measure: Measure;
  /** Hits of one signature that a task sends back with their data. */
  readonly keep: number;
}

/** What a task sees of the campaign. */
export interface View extends Parents {
  /** Absent without guidance: nothing is kept then. */
  readonly index: NeighbourIndex | undefined;
}

/** How many times its usual time a run of one testcase takes before it is timed a second time. */
const AGAIN = 1.5;

/** Violations of a task that look alike and are traced: the first ones, and one in so many after them. */
const TRACED_FIRST = 2;
const TRACED_EVERY = 32;

/** Carries out tasks: mutates, runs the model, judges, and asks the index what is new. */
export class Worker {
  readonly #options: WorkerOptions;
  readonly #maker: BatchMaker;
  readonly #placer: Placer;
  /** What is watched in every run: for coverage, and behind that for objectives. */
  readonly #tensors: readonly string[];
  readonly #isLabelled: boolean;
  readonly #stopwatch: Stopwatch | undefined;

  constructor(options: WorkerOptions) {
    this.#options = options;
    const { watched, objectives, model } = options;
    this.#tensors = alwaysWatched(watched, objectives, model.model);
    this.#isLabelled = objectives.some(({ labelled }) => labelled === true);
    this.#stopwatch = objectives.some(({ timed }) => timed === true) ? new Stopwatch() : undefined;
    this.#placer = new Placer(options.model, options.traces);
    this.#maker = new BatchMaker(options);
  }

  /**
   * Runs a task. Its draws come from (master seed, task number) alone. A run that the runtime fails is
   * halved until the testcases that fail it stand alone: they are hits, and the others count as ever.
   *
   * @param span which of its mutants to run; all are made, so that each is what it always is
   * @param beat called between runs of the model
   * @param begun told each step before it is made
   */
  async run(
    task: Task,
    view: View,
    span: Span = { from: 0, to: task.mutants },
    beat: () => void = () => {},
    begun: (step: Step) => void = () => {},
  ): Promise<TaskResult> {
    const seconds: PhaseSeconds = { mutate: 0, model: 0, objectives: 0, coverage: 0 };
    const book = new HitBook(task, this.#options.keep);
    const spokenBefore = this.#options.model.model.generation?.spoken ?? 0;
    const climber =
      task.focus === undefined
        ? undefined
        : new Climber(
            task.focus,
            this.#options.points,
            this.#options.objectives,
            this.#options.varying,
            task.stride,
          );
    const ended = new Set(task.ended);
    const objectives = this.#options.objectives.filter(({ name }) => !ended.has(name));
    const job: Job = {
      task,
      view,
      seconds,
      book,
      climber,
      objectives: new Set(objectives),
      traced: new Map(),
      candidates: [],
      lines: new Lines(task, (entry) => view.parcel(entry), climber),
      ends: [],
      isLooking: false,
    };
    // What a step mutates follows from the steps before it: those are run again.
    const begin = task.stride === undefined ? span.from : 0;
    const spent = (more: number): void => {
      seconds.mutate += more;
    };
    for (const step of job.lines.steps()) {
      begun(step);
      job.isLooking = task.looks === true && step.to < task.parents.length;
      if (step.from * MUTANTS_PER_PICK >= span.to) break;
      for (const { form, first, rows } of this.#maker.batches(task, view, spent, step)) {
        const from = Math.max(begin - first, 0);
        const to = Math.min(span.to - first, rows);
        if (to > from) await this.#runRows(job, form, first, from, to);
        if (first + rows >= span.to) break;
        beat();
      }
    }
    const { mutants, number } = task;
    const spoken = (this.#options.model.model.generation?.spoken ?? 0) - spokenBefore;
    const approach = climber?.approach(job.candidates.length);
    const all = [...job.candidates, ...(climber?.candidates ?? [])];
    const candidates = {
      ...bundled(all),
      picks: all.map(({ pick }) => pick),
      outcomes: all.map(({ outcome }) => outcome),
      ...(task.stride === undefined ? {} : { paths: all.map(({ pick, path }) => path ?? [pick]) }),
    };
    return {
      task: number,
      mutants,
      lost: 0,
      rejected: this.#maker.rejected,
      ...(spoken === 0 ? {} : { spoken }),
      candidates,
      ...(approach === undefined ? {} : { approach }),
      hits: book.hits,
      counts: book.counts(),
      ...(job.ends.length === 0 ? {} : { ends: job.ends }),
      seconds,
    };
  }

  /** Makes one of a task's mutants without running it, nor any of its own step. */
  async mutant(
    task: Task,
    view: View,
    at: number,
  ): Promise<{ readonly pick: number; readonly data: TestcaseData }> {
    const made = async (step: Step) => {
      for (const { form, first, rows } of this.#maker.batches(task, view, () => {}, step)) {
        const row = at - first;
        if (row < rows) return { pick: this.#maker.pickOf(row), data: this.#maker.copy(form, row, row + 1) };
      }
      throw new RangeError(`task ${task.number} has no mutant ${at}`);
    };
    if (task.stride === undefined) return made(wholeOf(task));
    const perStep = task.stride * MUTANTS_PER_PICK;
    const before = Math.floor(at / perStep);
    const steps: Step[] = [];
    await this.run(
      task,
      view,
      { from: 0, to: before * perStep },
      () => {},
      (step) => steps.push(step),
    );
    return made(steps[before]);
  }

  async #runRows(job: Job, form: Form, first: number, from: number, to: number): Promise<void> {
    const { seconds } = job;
    const start = performance.now();
    const { model, watched } = this.#options;
    const { climber } = job;
    let whole: RowResult;
    let time: Run['time'];
    try {
      const own = this.#tensors;
      const tensors = climber === undefined ? own : [...new Set([...own, ...climber.tensors])];
      const rows = this.#maker.rows(form, from, to);
      whole = job.isLooking
        ? await model.look(rows, to - from, watched)
        : await model.run(rows, to - from, tensors);
      if (this.#stopwatch !== undefined && to - from === 1) {
        let took = (performance.now() - start) / 1000;
        const usual = this.#stopwatch.usual(form.key);
        if (took > AGAIN * usual) {
          // The machine was busy, or the testcase is slow: a second run tells.
          const second = performance.now();
          await model.run(this.#maker.rows(form, from, to), 1, tensors);
          took = Math.min(took, (performance.now() - second) / 1000);
        }
        this.#stopwatch.note(form.key, took);
        time = { took, usual };
      }
    } catch (error) {
      seconds.model += (performance.now() - start) / 1000;
      if (to - from === 1)
        this.#keepHit(job, form, first, from, from, to, failedRun(reason(error)), undefined);
      else {
        const middle = (from + to) >> 1;
        await this.#runRows(job, form, first, from, middle);
        await this.#runRows(job, form, first, middle, to);
      }
      return;
    }
    const ran = performance.now();
    if (job.isLooking && climber !== undefined) {
      const foreseen = await this.#foreseen(climber, [{ run: whole, from: 0 }], from);
      this.#lookForNearer(
        job,
        climber,
        form,
        foreseen,
        lazily(() => this.#options.measure.vectors(whole)),
        NONE,
        from,
      );
      seconds.model += (performance.now() - start) / 1000;
      return;
    }
    // What is watched for a point is none of coverage's and the objectives' business: they see what they always do.
    const result = { ...whole, activations: whole.activations.slice(0, this.#tensors.length) };
    const covered = { ...whole, activations: whole.activations.slice(0, watched.length) };
    const vectors = lazily(() => this.#options.measure.vectors(covered));
    const circumstances = { labels: this.#labels(job, from, to), time };
    const { broken, parts } = await this.#judge(job, form, result, first, from, to, circumstances);
    const judged = performance.now();
    this.#lookForNew(job, form, result, vectors, broken, from);
    if (climber !== undefined) {
      const { objective } = climber;
      const seen = objective === undefined ? [{ run: whole, from: 0 }] : (parts.get(objective) ?? []);
      const foreseen = await this.#foreseen(climber, seen, from);
      this.#lookForNearer(job, climber, form, foreseen, vectors, broken, from);
    }
    seconds.model += (ran - start) / 1000;
    seconds.objectives += (judged - ran) / 1000;
    seconds.coverage += (performance.now() - judged) / 1000;
  }

  /** Returns the rows of the result that broke an objective, and the run as each objective saw it. */
  async #judge(
    job: Job,
    form: Form,
    result: RowResult,
    first: number,
    from: number,
    to: number,
    circumstances: Circumstances,
  ) {
    const broken = new Set<number>();
    const parts = new Map<Objective, readonly Part[]>();
    for (const objective of job.objectives) {
      const changer = this.#options.changers.get(objective.name);
      const changed = changer && (() => changer.change(this.#maker.rows(form, from, to), to - from));
      const own = await partsFor(objective, this.#options.model, result, circumstances, changed);
      const seen: Seen[] = [];
      try {
        for (const part of own)
          objective.judge(part.run, (row, violation) => {
            if (!this.#maker.isVoid(from + part.from + row)) seen.push({ row: part.from + row, violation });
          });
      } catch (error) {
        this.#end(job, objective, own, form, from, error);
        continue;
      }
      parts.set(objective, own);
      for (const { row } of seen) broken.add(row);
      for (const { row, violation } of await this.#placed(job, objective, seen, form, from, to))
        this.#keepHit(job, form, first, from + row, from, to, violation, objective);
    }
    return { broken, parts };
  }

  /** A plug-in failed: its objective is not judged any more, from here on. */
  #end(
    job: Job,
    objective: Objective,
    parts: readonly Part[],
    form: Form,
    from: number,
    error: unknown,
  ): void {
    if (!(error instanceof PluginFailure)) throw error;
    const row = rowThatFails(objective, parts);
    const at = from + Math.max(0, row);
    job.objectives.delete(objective);
    job.ends.push({
      objective: objective.name,
      message: error.message,
      data: this.#maker.copy(form, at, at + 1),
    });
  }

  /** The class that each row's seed shows, where an objective needs to know. */
  #labels({ task, view }: Job, from: number, to: number): Int32Array | undefined {
    if (!this.#isLabelled) return undefined;
    return Int32Array.from({ length: to - from }, (_, i) => {
      const pick = this.#maker.pickOf(from + i);
      return view.parcel(task.parents[pick]).label ?? -1;
    });
  }

  /** Traces violations to where they begin: of those that look alike the first ones of a task, then one now and then. */
  async #placed(
    { traced }: Job,
    objective: Objective,
    seen: readonly Seen[],
    form: Form,
    from: number,
    to: number,
  ): Promise<readonly Seen[]> {
    if (objective.place === undefined) return seen;
    const batch = { block: this.#maker.rows(form, from, to), rows: to - from };
    const placed: Seen[] = [];
    for (const { row, violation } of seen) {
      const before = traced.get(violation.signature) ?? { count: 0, as: violation };
      const count = before.count + 1;
      const isDue = count <= TRACED_FIRST || count % TRACED_EVERY === 0;
      const testcase = this.#maker.rows(form, from + row, from + row + 1);
      // The first one of a task alone: what a worker has seen before must not matter.
      const where = { testcase, batch, thoroughly: count === 1 };
      const found = isDue ? await this.#placer.place(objective, violation, where) : undefined;
      // What only a thorough look shows is taken to be what that showed.
      const as = found?.origin === undefined ? before.as : found.violation;
      traced.set(violation.signature, { count, as });
      placed.push({ row, violation: as });
    }
    return placed;
  }

  #keepHit(
    job: Job,
    form: Form,
    first: number,
    row: number,
    from: number,
    to: number,
    violation: Violation,
    objective: Objective | undefined,
  ): void {
    const { task, book, view } = job;
    if (!book.wants(violation)) return;
    const pick = this.#maker.pickOf(row);
    const path = job.lines.pathOf(pick);
    const changer = objective && this.#options.changers.get(objective.name);
    const { label } = view.parcel(task.parents[pick]);
    book.keep({
      pick,
      ...(path === undefined ? {} : { path }),
      execs: task.execsBefore + first + row + 1,
      violation,
      data: this.#maker.copy(form, row, row + 1),
      ...(objective?.labelled === true && label !== undefined ? { label } : {}),
      ...(changer === undefined
        ? {}
        : { changed: packRows([changer.change(this.#maker.rows(form, row, row + 1), 1)]) }),
      batch: { data: this.#maker.copy(form, from, to), rows: to - from, row: row - from },
    });
  }

  // Most mutants lie nearer to their parent than the threshold; those need no search. Nor do those near to
  // what the same task sends back already: at most one of them would enter the corpus.
  #lookForNew(
    job: Job,
    form: Form,
    result: RowResult,
    vectors: () => Float32Array,
    broken: ReadonlySet<number>,
    from: number,
  ): void {
    const { task, view, candidates } = job;
    const { index } = view;
    if (index === undefined) return;
    const all = vectors();
    const width = all.length / result.rows;
    for (let row = 0; row < result.rows; row++) {
      if (this.#maker.isVoid(from + row)) continue;
      const pick = this.#maker.pickOf(from + row);
      const near = squaredDistance(all, row * width, job.lines.parentOf(pick).activations);
      if (near <= task.threshold || broken.has(row) || !isFiniteVector(all, row * width, width)) continue;
      const activations = all.subarray(row * width, (row + 1) * width);
      if (candidates.some((other) => squaredDistance(activations, 0, other.activations) <= task.threshold))
        continue;
      if (index.nearest(activations) <= task.threshold) continue;
      const data = this.#maker.copy(form, from + row, from + row + 1);
      const outcome = outcomeOf(result, row);
      candidates.push({
        pick,
        path: job.lines.pathOf(pick),
        data,
        activations: activations.slice(),
        outcome,
      });
    }
  }

  /** Parts of a run with the margins that the objective looks further for, each row's at the target of its pick. */
  async #foreseen(climber: Climber, parts: readonly Part[], first: number): Promise<readonly Part[]> {
    const { objective } = climber;
    if (objective?.foresee === undefined) return parts;
    const looked: Part[] = [];
    for (const { run, from } of parts) {
      const ways = Int32Array.from({ length: run.rows }, (_, row) =>
        climber.targetOf(this.#maker.pickOf(first + from + row)),
      );
      const bars = Float64Array.from({ length: run.rows }, (_, row) =>
        climber.barOf(this.#maker.pickOf(first + from + row)),
      );
      const margins = await objective.foresee(this.#options.model, run, ways, bars);
      looked.push({ run: { ...run, foreseen: { margins, ways } }, from });
    }
    return looked;
  }

  #lookForNearer(
    job: Job,
    climber: Climber,
    form: Form,
    parts: readonly Part[],
    vectors: () => Float32Array,
    broken: ReadonlySet<number>,
    from: number,
  ): void {
    const rows = parts.reduce((sum, { run }) => sum + run.rows, 0);
    const see = (part: Part): void =>
      climber.see(part, (row) => {
        if (this.#maker.isVoid(from + row)) return undefined;
        const pick = this.#maker.pickOf(from + row);
        return {
          pick,
          keep: () => {
            const all = vectors();
            const width = all.length / rows;
            if (broken.has(row) || !isFiniteVector(all, row * width, width)) return undefined;
            const data = this.#maker.copy(form, from + row, from + row + 1);
            const activations = all.slice(row * width, (row + 1) * width);
            const outcome = outcomeOf(part.run, row - part.from);
            return { pick, path: job.lines.pathOf(pick), data, activations, outcome };
          },
        };
      });
    const { objective } = climber;
    for (const part of parts) {
      if (objective?.plugin === undefined) {
        see(part);
        continue;
      }
      try {
        guarded(objective.plugin, () => see(part));
      } catch (error) {
        this.#end(job, objective, [], form, from + part.from, error);
        return;
      }
    }
  }
}

/** Rows that break an objective, where none is judged. */
const NONE: ReadonlySet<number> = new Set();

function lazily<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

/** A task on its way through the model. */
interface Job {
  readonly task: Task;
  readonly view: View;
  readonly seconds: PhaseSeconds;
  readonly book: HitBook;
  readonly climber: Climber | undefined;
  /** By how a violation looks: how many there were, and what the last one that was traced came to. */
  readonly traced: Map<string, { readonly count: number; readonly as: Violation }>;
  readonly candidates: Candidate[];
  readonly lines: Lines;
  /** Objectives that are judged still. */
  readonly objectives: Set<Objective>;
  readonly ends: PluginEnd[];
  /** Whether the step that is made looks ahead alone. */
  isLooking: boolean;
}

/** The row on which judging fails, by its place in the whole; -1 where no row does it alone. */
function rowThatFails(objective: Objective, parts: readonly Part[]): number {
  for (const { run, from } of parts)
    for (let row = 0; row < run.rows; row++) {
      try {
        objective.judge(runRows(run, row, row + 1), () => {});
      } catch {
        return from + row;
      }
    }
  return -1;
}

/** A row of a run that breaks an objective. */
interface Seen {
  readonly row: number;
  readonly violation: Violation;
}
