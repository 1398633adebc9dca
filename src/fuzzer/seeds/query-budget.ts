/** Queries of a gradient: a pass forward, and one backward, which takes about as long as two. */
export const GRADIENT_QUERIES = 3;

/** How often an attacker may run the model. */
export interface QueryLimits {
  /** Queries for one seed and its descendants. */
  readonly each?: number | undefined;
  /** Queries for all seeds. */
  readonly total?: number | undefined;
}

/** The queries spent on each seed in a checkpoint: its entry, and their number. */
export type SavedQueryBudget = readonly (readonly [seed: number, queries: number])[];

/**
 * The queries that an attacker has left: a mutant costs one, a gradient `GRADIENT_QUERIES`. They are counted when a task is planned, so
 * that no task goes beyond the budget, and count for the seed that the mutant descends from. Part of the campaign's state.
 */
export class QueryBudget {
  readonly #limits: QueryLimits;
  /** By the seed's entry. */
  readonly #spent = new Map<number, number>();
  #total = 0;

  constructor(limits: QueryLimits) {
    this.#limits = limits;
  }

  /** Whether so many queries are left for a seed. */
  canSpend(seed: number, queries: number): boolean {
    const { each = Number.POSITIVE_INFINITY, total = Number.POSITIVE_INFINITY } = this.#limits;
    return (this.#spent.get(seed) ?? 0) + queries <= each && this.#total + queries <= total;
  }

  /** Counts queries for a seed; returns all that were spent on it. */
  spend(seed: number, queries: number): number {
    const spent = (this.#spent.get(seed) ?? 0) + queries;
    this.#spent.set(seed, spent);
    this.#total += queries;
    return spent;
  }

  save(): SavedQueryBudget {
    return [...this.#spent];
  }

  /** @param keepsEntries whether entries have the indices they had when it was saved; else what was spent counts for all seeds alone */
  restore(saved: SavedQueryBudget, keepsEntries: boolean): void {
    for (const [seed, queries] of saved) {
      this.#total += queries;
      if (keepsEntries) this.#spent.set(seed, queries);
    }
  }
}
