import type { NoveltyFilter } from '../coverage/feedback/feedback-kind.ts';

/** The entries whose neighbourhoods mutants of a task were in, and the number of mutants in each. */
export interface NeighbourCounts {
  readonly entries: readonly number[];
  readonly mutants: readonly number[];
}

/** Counts a task's mutants by the entry whose neighbourhood they are in. */
export class NeighbourCounter {
  readonly #mutants = new Map<number, number>();

  count(filter: NoveltyFilter, observations: Float32Array, row: number): void {
    const entry = filter.neighbourOf?.(observations, row) ?? -1;
    if (entry >= 0) this.#mutants.set(entry, (this.#mutants.get(entry) ?? 0) + 1);
  }

  counts(): NeighbourCounts {
    return { entries: [...this.#mutants.keys()], mutants: [...this.#mutants.values()] };
  }
}
