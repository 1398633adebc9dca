import type { TestcaseData } from '../campaign/testcase.ts';
import { batches, type Form, type Rows } from '../models/rows.ts';
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
import { randomStream } from '../random.ts';
import { MUTANTS_PER_PICK } from './plan.ts';
import type { Parcel, Task } from './task.ts';

/** What mutants are made by. */
export interface MakerOptions {
  /** The forms that testcases may have. */
  readonly forms: readonly Form[];
  readonly mutators: readonly (Mutator | undefined)[];
  readonly ranges: readonly Range[];
  readonly linf: number | undefined;
  readonly masterSeed: string;
  readonly batch: number;
}

/** Where the parents of a task are. */
export interface Parents {
  /** The task's parents, and with a constraint their ancestors. */
  parcel(entry: number): Parcel;
}

/** Some of a task's mutants, all of one form. */
export interface Batch {
  readonly form: Form;
  /** Number of the first one in the task. */
  readonly first: number;
  readonly rows: number;
}

/** Bounds kept for each input; as many as there are seeds would be too much for a folder of photographs. */
const MOST_BOUNDS = 64;

/** Makes the mutants of tasks, a batch at a time, in arrays of its own that each batch is written over. */
export class BatchMaker {
  readonly #options: MakerOptions;
  /** Room for a batch of the largest form. */
  readonly #columns: readonly TensorData[];
  /** Bounds of each input around the ancestors used last. */
  readonly #bounds: readonly Map<number | string, BoundsKeeper>[];
  readonly #noise: NoisePool;
  /** Where mutants of inputs that are no float32 are made before they are rounded into the columns. */
  readonly #scratch: readonly { readonly parent: Values; readonly mutant: Values }[];
  readonly #parents: Int32Array;

  constructor(options: MakerOptions) {
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
   * Makes one batch of a task's mutants after the other. All draws come from (master seed, task number).
   *
   * @param spent told the seconds that each batch took
   */
  *batches(task: Task, view: Parents, spent: (seconds: number) => void = () => {}): Generator<Batch> {
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
        spent((performance.now() - start) / 1000);
        yield { form, first, rows };
        first += rows;
      }
    }
  }

  /** The entry that a row of the batch was mutated from. */
  parentOf(row: number): number {
    return this.#parents[row];
  }

  /** Rows of the batch: views. */
  rows(form: Form, from: number, to: number): Rows {
    return { form, columns: form.inputs.map(({ size }, i) => rowsOf(this.#columns[i], size, from, to)) };
  }

  /** Fills rows of the batch with mutants of one entry. */
  #mutate(view: Parents, form: Form, entry: number, row: number, mutants: number, draws: Draws): void {
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
    view: Parents,
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

  #boundsAround(form: Form, input: number, ancestor: number, view: Parents): BoundsKeeper {
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

  /** Rows of the batch, copied. */
  copy(form: Form, from: number, to: number): TestcaseData {
    return { form, columns: this.rows(form, from, to).columns.map(copyOf) };
  }
}

/** The part of a task that mutates one entry. */
interface Slice {
  readonly entry: number;
  readonly form: Form;
  readonly mutants: number;
}

/** A task's parents in turn, those of one form together, so that their mutants share batches. */
function slicesOf({ parents, mutants }: Task, view: Parents): Slice[] {
  const byForm = new Map<string, Slice[]>();
  parents.forEach((entry, i) => {
    const { form } = view.parcel(entry).data;
    const slices = byForm.get(form.key) ?? [];
    slices.push({ entry, form, mutants: Math.min(MUTANTS_PER_PICK, mutants - i * MUTANTS_PER_PICK) });
    byForm.set(form.key, slices);
  });
  return [...byForm.values()].flat();
}
