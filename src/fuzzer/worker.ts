import type { TestcaseData } from '../campaign/testcase.ts';
import { isFiniteVector, type NeighbourIndex, squaredDistance } from '../coverage/index.ts';
import type { Measure } from '../coverage/measure.ts';
import { reason } from '../errors.ts';
import { batches, type Form, type RowModel, type RowResult, type Rows } from '../models/rows.ts';
import {
  copyInto,
  copyOf,
  makeData,
  readNumber,
  rowsOf,
  type TensorData,
  writeNumber,
} from '../models/tensor.ts';
import type { Values } from '../mutators/bounds.ts';
import { BoundsKeeper, type Range, workingArray } from '../mutators/constraint.ts';
import type { Draws, Mutator } from '../mutators/mutator.ts';
import { NoisePool } from '../mutators/noise.ts';
import { failedRun } from '../objectives/failure.ts';
import type { Objective, Violation } from '../objectives/objective.ts';
import { randomStream } from '../random.ts';
import { bundled, type Observed } from './bundle.ts';
import { HitBook } from './hit-book.ts';
import { MUTANTS_PER_PICK } from './plan.ts';
import type { Parcel, PhaseSeconds, Span, Task, TaskResult } from './task.ts';

/** All that a worker is made from; two workers made alike give the same results. */
export interface WorkerOptions {
  readonly model: RowModel;
  /** The forms that testcases may have. */
  readonly forms: readonly Form[];
  readonly objectives: readonly Objective[];
  readonly mutators: readonly (Mutator | undefined)[];
  readonly ranges: readonly Range[];
  readonly linf: number | undefined;
  readonly watched: readonly string[];
  readonly measure: Measure;
  readonly masterSeed: string;
  readonly batch: number;
  /** Hits of one signature that a task sends back with their data. */
  readonly keep: number;
}

/** What a task sees of the campaign. */
export interface View {
  /** The task's parents, and with a constraint their ancestors. */
  parcel(entry: number): Parcel;
  /** Absent without guidance: nothing is kept then. */
  readonly index: NeighbourIndex | undefined;
}

/** Bounds kept for each input; as many as there are seeds would be too much for a folder of photographs. */
const MOST_BOUNDS = 64;

/** Carries out tasks: mutates, runs the model, judges, and asks the index what is new. */
export class Worker {
  readonly #options: WorkerOptions;
  /** Room for a batch of the largest form. */
  readonly #columns: readonly TensorData[];
  /** Bounds of each input around the ancestors used last. */
  readonly #bounds: readonly Map<number | string, BoundsKeeper>[];
  readonly #noise: NoisePool;
  /** Where mutants of inputs that are no float32 are made before they are rounded into the block. */
  readonly #scratch: readonly { readonly parent: Values; readonly mutant: Values }[];
  readonly #parents: Int32Array;

  constructor(options: WorkerOptions) {
    this.#options = options;
    const { forms, batch } = options;
    const types = forms[0].inputs.map(({ type }) => type);
    const sizes = types.map((_, i) => Math.max(...forms.map(({ inputs }) => inputs[i].size)));
    this.#bounds = types.map(() => new Map<number | string, BoundsKeeper>());
    const floats = sizes.filter((_, i) => types[i] === 'float32').map((size) => size * batch);
    this.#noise = new NoisePool(options.masterSeed, floats, Math.max(...sizes));
    const fast = [...this.#noise.columns];
    this.#columns = types.map((type, i) =>
      type === 'float32' ? (fast.shift() as Float32Array) : makeData(type, sizes[i] * batch),
    );
    this.#scratch = types.map((type, i) => {
      const length = type === 'float32' ? 0 : sizes[i];
      return { parent: workingArray(type, length), mutant: workingArray(type, length) };
    });
    this.#parents = new Int32Array(options.batch);
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
    const job: Job = { task, view, seconds, book: new HitBook(task, this.#options.keep), candidates: [] };
    for (const { form, first, rows } of this.#batches(task, view, seconds)) {
      const from = Math.max(span.from - first, 0);
      const to = Math.min(span.to - first, rows);
      if (to > from) await this.#runRows(job, form, first, from, to);
      if (first + rows >= span.to) break;
      beat();
    }
    const { book } = job;
    const { mutants, number } = task;
    const candidates = { ...bundled(job.candidates), parents: job.candidates.map(({ parent }) => parent) };
    return { task: number, mutants, lost: 0, candidates, hits: book.hits, counts: book.counts(), seconds };
  }

  /** Makes one of a task's mutants without running anything. */
  mutant(task: Task, view: View, at: number): { readonly parent: number; readonly data: TestcaseData } {
    const seconds: PhaseSeconds = { mutate: 0, model: 0, objectives: 0, coverage: 0 };
    for (const { form, first, rows } of this.#batches(task, view, seconds)) {
      const row = at - first;
      if (row < rows) return { parent: this.#parents[row], data: this.#rowData(form, row, row + 1) };
    }
    throw new RangeError(`task ${task.number} has no mutant ${at}`);
  }

  /** Fills the columns with one batch of a task's mutants after the other, each of one form. */
  *#batches(
    task: Task,
    view: View,
    seconds: PhaseSeconds,
  ): Generator<{ readonly form: Form; readonly first: number; readonly rows: number }> {
    const draws: Draws = {
      random: randomStream(this.#options.masterSeed, 'mutate', task.number),
      noise: this.#noise,
    };
    let first = 0;
    for (const picks of batches(slicesOf(task, view), ({ form }) => form, Number.POSITIVE_INFINITY)) {
      const { form } = picks[0];
      const all = picks.reduce((sum, { mutants }) => sum + mutants, 0);
      for (let done = 0; done < all; done += this.#options.batch) {
        const start = performance.now();
        const rows = Math.min(this.#options.batch, all - done);
        draws.noise.refresh(draws.random);
        for (let row = 0; row < rows; ) {
          const pick = Math.floor((done + row) / MUTANTS_PER_PICK);
          const some = Math.min((pick + 1) * MUTANTS_PER_PICK - done, rows) - row;
          this.#mutate(view, form, picks[pick].entry, row, some, draws);
          row += some;
        }
        seconds.mutate += (performance.now() - start) / 1000;
        yield { form, first, rows };
        first += rows;
      }
    }
  }

  async #runRows(job: Job, form: Form, first: number, from: number, to: number): Promise<void> {
    const { seconds } = job;
    const start = performance.now();
    let result: RowResult;
    try {
      result = await this.#options.model.run(this.#rows(form, from, to), to - from, this.#options.watched);
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
    const broken = this.#judge(job, form, result, first, from, to);
    const judged = performance.now();
    this.#lookForNew(job, form, result, broken, from);
    seconds.model += (ran - start) / 1000;
    seconds.objectives += (judged - ran) / 1000;
    seconds.coverage += (performance.now() - judged) / 1000;
  }

  /** Rows of the batch: views. */
  #rows(form: Form, from: number, to: number): Rows {
    return { form, columns: form.inputs.map(({ size }, i) => rowsOf(this.#columns[i], size, from, to)) };
  }

  /** Fills rows of the batch with mutants of one entry. */
  #mutate(view: View, form: Form, entry: number, row: number, mutants: number, draws: Draws): void {
    const parcel = view.parcel(entry);
    this.#parents.fill(entry, row, row + mutants);
    this.#options.mutators.forEach((mutator, input) => {
      if (mutator === undefined) this.#repeat(form, input, parcel, row, mutants);
      else this.#mutateInput(mutator, form, input, parcel, view, row, mutants, draws);
    });
  }

  #repeat(form: Form, input: number, { data }: Parcel, row: number, mutants: number): void {
    const { size } = form.inputs[input];
    for (let i = 0; i < mutants; i++) copyInto(this.#columns[input], data.columns[input], (row + i) * size);
  }

  #mutateInput(
    mutator: Mutator,
    form: Form,
    input: number,
    { data, ancestor }: Parcel,
    view: View,
    row: number,
    mutants: number,
    draws: Draws,
  ): void {
    const { type, size } = form.inputs[input];
    const bounds = this.#boundsAround(form, input, ancestor, view);
    const column = this.#columns[input];
    const parent = data.columns[input];
    if (column instanceof Float32Array) {
      for (let i = 0; i < mutants; i++) {
        mutator.mutate(column, (row + i) * size, parent as Float32Array, bounds, draws);
      }
      return;
    }
    const { parent: all, mutant } = this.#scratch[input];
    const values = all.subarray(0, size);
    for (let k = 0; k < size; k++) values[k] = readNumber(type, parent, k);
    for (let i = 0; i < mutants; i++) {
      mutator.mutate(mutant, 0, values, bounds, draws);
      for (let k = 0; k < size; k++) writeNumber(type, column, (row + i) * size + k, mutant[k]);
    }
  }

  #boundsAround(form: Form, input: number, ancestor: number, view: View): BoundsKeeper {
    const { ranges, linf } = this.#options;
    const kept = this.#bounds[input];
    // Without a constraint the bounds are the range, whoever the ancestor is.
    const key = linf === undefined ? form.key : ancestor;
    let bounds = kept.get(key);
    if (bounds === undefined) {
      if (kept.size >= MOST_BOUNDS) kept.clear();
      const { type, size } = form.inputs[input];
      bounds = new BoundsKeeper(type, size, ranges[input], linf);
      if (linf !== undefined) bounds.around(view.parcel(ancestor).data.columns[input]);
      kept.set(key, bounds);
    }
    return bounds;
  }

  /** Returns the rows of the result that broke an objective. */
  #judge(
    job: Job,
    form: Form,
    result: RowResult,
    first: number,
    from: number,
    to: number,
  ): ReadonlySet<number> {
    const broken = new Set<number>();
    for (const objective of this.#options.objectives) {
      objective.judge(result, (row, violation) => {
        broken.add(row);
        this.#keepHit(job, form, first, from + row, from, to, violation);
      });
    }
    return broken;
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
      parent: this.#parents[row],
      execs: task.execsBefore + first + row + 1,
      violation,
      data: this.#rowData(form, row, row + 1),
      batch: { data: this.#rowData(form, from, to), rows: to - from, row: row - from },
    });
  }

  // Most mutants lie nearer to their parent than the threshold; those need no search. Nor do those near to
  // what the same task sends back already: at most one of them would enter the corpus.
  #lookForNew(
    { task, view, candidates }: Job,
    form: Form,
    result: RowResult,
    broken: ReadonlySet<number>,
    from: number,
  ): void {
    const { index } = view;
    if (index === undefined) return;
    const all = this.#options.measure.vectors(result);
    const width = all.length / result.rows;
    for (let row = 0; row < result.rows; row++) {
      const parent = this.#parents[from + row];
      const near = squaredDistance(all, row * width, view.parcel(parent).activations);
      if (near <= task.threshold || broken.has(row) || !isFiniteVector(all, row * width, width)) continue;
      const activations = all.subarray(row * width, (row + 1) * width);
      if (candidates.some((other) => squaredDistance(activations, 0, other.activations) <= task.threshold))
        continue;
      if (index.nearest(activations) <= task.threshold) continue;
      const data = this.#rowData(form, from + row, from + row + 1);
      candidates.push({ parent, data, activations: activations.slice() });
    }
  }

  #rowData(form: Form, from: number, to: number): TestcaseData {
    return { form, columns: this.#rows(form, from, to).columns.map(copyOf) };
  }
}

/** The part of a task that mutates one entry. */
interface Slice {
  readonly entry: number;
  readonly form: Form;
  readonly mutants: number;
}

/** A task's parents in turn, those of one form together, so that their mutants share batches. */
function slicesOf({ parents, mutants }: Task, view: View): Slice[] {
  const byForm = new Map<string, Slice[]>();
  parents.forEach((entry, i) => {
    const { form } = view.parcel(entry).data;
    const slices = byForm.get(form.key) ?? [];
    slices.push({ entry, form, mutants: Math.min(MUTANTS_PER_PICK, mutants - i * MUTANTS_PER_PICK) });
    byForm.set(form.key, slices);
  });
  return [...byForm.values()].flat();
}

/** A task on its way through the model. */
interface Job {
  readonly task: Task;
  readonly view: View;
  readonly seconds: PhaseSeconds;
  readonly book: HitBook;
  readonly candidates: Candidate[];
}

interface Candidate extends Observed {
  readonly parent: number;
}
