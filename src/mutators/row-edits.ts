import type { WorkingArray } from '../constraints/bounds.ts';

/** Runs of positions that are remembered; a mutant with more is undone by copying its whole parent. */
const MAX_RUNS = 1 << 15;

/**
 * Undoes the changes of mutants that differ from their parent in few places. A row of a million values takes longer to copy
 * than many models take to run, so that the next mutant of the same parent puts back only what the last one changed.
 */
export class RowEdits {
  readonly #row: WorkingArray;
  /** The array that the row equals but for the runs; undefined where it is not known. */
  #source: WorkingArray | undefined;
  /** `[from, to)` of each run, one after the other. */
  readonly #runs = new Int32Array(2 * MAX_RUNS);
  #count = 0;
  #isCopied = false;

  /** @param row the array that mutants of one row are written to */
  constructor(row: WorkingArray) {
    this.#row = row;
  }

  /** Call before a mutant is made. */
  begin(): void {
    this.#isCopied = false;
  }

  /**
   * Call once a mutant is made.
   *
   * @param isLasting whether its parent's array keeps its values
   */
  end(isLasting: boolean): void {
    if (!this.#isCopied || !isLasting) this.#source = undefined;
  }

  /** Gives the row the parent's values; other arrays than the row are copied as a whole. */
  copy(out: WorkingArray, offset: number, parent: WorkingArray): void {
    if (out === parent) return;
    if (out !== this.#row || offset !== 0) {
      out.set(parent, offset);
      return;
    }
    if (this.#source !== parent || this.#count > MAX_RUNS) out.set(parent);
    else this.forEachRun((from, to) => restore(out, parent, from, to));
    this.#source = parent;
    this.#count = 0;
    this.#isCopied = true;
  }

  /** Notes that the values at `[from, to)` may differ from the parent's. */
  changed(from: number, to: number): void {
    if (this.#count < MAX_RUNS) {
      this.#runs[2 * this.#count] = from;
      this.#runs[2 * this.#count + 1] = to;
    }
    this.#count++;
  }

  /** Whether all that differs from the parent is in the runs. */
  get isComplete(): boolean {
    return this.#isCopied && this.#count <= MAX_RUNS;
  }

  forEachRun(visit: (from: number, to: number) => void): void {
    for (let n = 0; n < this.#count; n++) visit(this.#runs[2 * n], this.#runs[2 * n + 1]);
  }
}

/** Shortest run that is copied as a whole: a view costs more than a few values. */
const MIN_BULK_COPY = 64;

function restore(row: WorkingArray, parent: WorkingArray, from: number, to: number): void {
  if (to - from >= MIN_BULK_COPY) row.set(parent.subarray(from, to), from);
  else for (let i = from; i < to; i++) row[i] = parent[i];
}
