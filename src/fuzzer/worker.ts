import type { TestcaseData } from '../campaign/testcase.ts';
import { isFiniteVector, type NeighbourIndex, squaredDistance } from '../coverage/index.ts';
import type { Measure } from '../coverage/measure.ts';
import { reason } from '../errors.ts';
import type { Form, RowModel, RowResult } from '../models/rows.ts';
import { failedRun } from '../objectives/failure.ts';
import type { Objective, Violation } from '../objectives/objective.ts';
import { Placer } from '../objectives/placing.ts';
import { BatchMaker, type MakerOptions, type Parents } from './batch-maker.ts';
import { bundled } from './bundle.ts';
import { type Candidate, Climber } from './climber.ts';
import type { Point } from './climbs.ts';
import { HitBook } from './hit-book.ts';
import { outcomeOf } from './outcome.ts';
import type { PhaseSeconds, Span, Task, TaskResult } from './task.ts';

/** All that a worker is made from; two workers made alike give the same results. */
export interface WorkerOptions extends MakerOptions {
  readonly model: RowModel;
  readonly objectives: readonly Objective[];
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

/** Violations of a task that look alike and are traced: the first ones, and one in so many after them. */
const TRACED_FIRST = 2;
const TRACED_EVERY = 32;

/** Carries out tasks: mutates, runs the model, judges, and asks the index what is new. */
export class Worker {
  readonly #options: WorkerOptions;
  readonly #maker: BatchMaker;
  readonly #placer: Placer;

  constructor(options: WorkerOptions) {
    this.#options = options;
    this.#placer = new Placer(options.model, options.traces);
    this.#maker = new BatchMaker(options);
  }

  /**
   * Runs a task. Its draws come from (master seed, task number) alone. A run that the runtime fails is
   * halved until the testcases that fail it stand alone: they are hits, and the others count as ever.
   *
   * @param span which of its mutants to run; all are made, so that each is what it always is
   * @param beat called between runs of the model
   */
  async run(
    task: Task,
    view: View,
    span: Span = { from: 0, to: task.mutants },
    beat: () => void = () => {},
  ): Promise<TaskResult> {
    const seconds: PhaseSeconds = { mutate: 0, model: 0, objectives: 0, coverage: 0 };
    const book = new HitBook(task, this.#options.keep);
    const climber =
      task.focus === undefined
        ? undefined
        : new Climber(task.focus, this.#options.points, this.#options.objectives, this.#options.varying);
    const job: Job = { task, view, seconds, book, climber, traced: new Map(), candidates: [] };
    for (const { form, first, rows } of this.#maker.batches(task, view, (spent) => {
      seconds.mutate += spent;
    })) {
      const from = Math.max(span.from - first, 0);
      const to = Math.min(span.to - first, rows);
      if (to > from) await this.#runRows(job, form, first, from, to);
      if (first + rows >= span.to) break;
      beat();
    }
    const { mutants, number } = task;
    const approach = climber?.approach(job.candidates.length);
    const all = [...job.candidates, ...(climber?.candidates ?? [])];
    const candidates = {
      ...bundled(all),
      picks: all.map(({ pick }) => pick),
      outcomes: all.map(({ outcome }) => outcome),
    };
    return {
      task: number,
      mutants,
      lost: 0,
      rejected: this.#maker.rejected,
      candidates,
      ...(approach === undefined ? {} : { approach }),
      hits: book.hits,
      counts: book.counts(),
      seconds,
    };
  }

  /** Makes one of a task's mutants without running anything. */
  mutant(task: Task, view: View, at: number): { readonly pick: number; readonly data: TestcaseData } {
    for (const { form, first, rows } of this.#maker.batches(task, view)) {
      const row = at - first;
      if (row < rows) return { pick: this.#maker.pickOf(row), data: this.#maker.copy(form, row, row + 1) };
    }
    throw new RangeError(`task ${task.number} has no mutant ${at}`);
  }

  async #runRows(job: Job, form: Form, first: number, from: number, to: number): Promise<void> {
    const { seconds } = job;
    const start = performance.now();
    const { model, watched } = this.#options;
    const { climber } = job;
    let whole: RowResult;
    try {
      const tensors = climber === undefined ? watched : [...new Set([...watched, ...climber.tensors])];
      whole = await model.run(this.#maker.rows(form, from, to), to - from, tensors);
    } catch (error) {
      seconds.model += (performance.now() - start) / 1000;
      if (to - from === 1) this.#keepHit(job, form, first, from, from, to, failedRun(reason(error)));
      else {
        const middle = (from + to) >> 1;
        await this.#runRows(job, form, first, from, middle);
        await this.#runRows(job, form, first, middle, to);
      }
      return;
    }
    const ran = performance.now();
    // What is watched for a point is none of coverage's and the objectives' business: they see what they always do.
    const result = { ...whole, activations: whole.activations.slice(0, watched.length) };
    const vectors = lazily(() => this.#options.measure.vectors(result));
    const broken = await this.#judge(job, form, result, first, from, to);
    const judged = performance.now();
    this.#lookForNew(job, form, result, vectors, broken, from);
    if (climber !== undefined) this.#lookForNearer(climber, form, whole, vectors, broken, from);
    seconds.model += (ran - start) / 1000;
    seconds.objectives += (judged - ran) / 1000;
    seconds.coverage += (performance.now() - judged) / 1000;
  }

  /** Returns the rows of the result that broke an objective. */
  async #judge(
    job: Job,
    form: Form,
    result: RowResult,
    first: number,
    from: number,
    to: number,
  ): Promise<ReadonlySet<number>> {
    const broken = new Set<number>();
    for (const objective of this.#options.objectives) {
      const seen: Seen[] = [];
      objective.judge(result, (row, violation) => {
        if (this.#maker.isVoid(from + row)) return;
        broken.add(row);
        seen.push({ row, violation });
      });
      for (const { row, violation } of await this.#placed(job, objective, seen, form, from, to))
        this.#keepHit(job, form, first, from + row, from, to, violation);
    }
    return broken;
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
    { task, book }: Job,
    form: Form,
    first: number,
    row: number,
    from: number,
    to: number,
    violation: Violation,
  ): void {
    if (!book.wants(violation)) return;
    book.keep({
      pick: this.#maker.pickOf(row),
      execs: task.execsBefore + first + row + 1,
      violation,
      data: this.#maker.copy(form, row, row + 1),
      batch: { data: this.#maker.copy(form, from, to), rows: to - from, row: row - from },
    });
  }

  // Most mutants lie nearer to their parent than the threshold; those need no search. Nor do those near to
  // what the same task sends back already: at most one of them would enter the corpus.
  #lookForNew(
    { task, view, candidates }: Job,
    form: Form,
    result: RowResult,
    vectors: () => Float32Array,
    broken: ReadonlySet<number>,
    from: number,
  ): void {
    const { index } = view;
    if (index === undefined) return;
    const all = vectors();
    const width = all.length / result.rows;
    for (let row = 0; row < result.rows; row++) {
      if (this.#maker.isVoid(from + row)) continue;
      const pick = this.#maker.pickOf(from + row);
      const near = squaredDistance(all, row * width, view.parcel(task.parents[pick]).activations);
      if (near <= task.threshold || broken.has(row) || !isFiniteVector(all, row * width, width)) continue;
      const activations = all.subarray(row * width, (row + 1) * width);
      if (candidates.some((other) => squaredDistance(activations, 0, other.activations) <= task.threshold))
        continue;
      if (index.nearest(activations) <= task.threshold) continue;
      const data = this.#maker.copy(form, from + row, from + row + 1);
      const outcome = outcomeOf(result, row);
      candidates.push({ pick, data, activations: activations.slice(), outcome });
    }
  }

  #lookForNearer(
    climber: Climber,
    form: Form,
    whole: RowResult,
    vectors: () => Float32Array,
    broken: ReadonlySet<number>,
    from: number,
  ): void {
    climber.see(whole, (row) => {
      if (this.#maker.isVoid(from + row)) return undefined;
      const pick = this.#maker.pickOf(from + row);
      return {
        pick,
        keep: () => {
          const all = vectors();
          const width = all.length / whole.rows;
          if (broken.has(row) || !isFiniteVector(all, row * width, width)) return undefined;
          const data = this.#maker.copy(form, from + row, from + row + 1);
          const activations = all.slice(row * width, (row + 1) * width);
          return { pick, data, activations, outcome: outcomeOf(whole, row) };
        },
      };
    });
  }
}

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
}

/** A row of a run that breaks an objective. */
interface Seen {
  readonly row: number;
  readonly violation: Violation;
}
