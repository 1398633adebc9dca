/** What was spent on each seed in a checkpoint: its entry, and a number. */
export type SavedSeedBudget = readonly (readonly [seed: number, spent: number])[];

/** What an attacker may still do for each seed. Part of the campaign's state. */
export interface SeedBudget {
  /** What one pick costs. @param ascends whether it steps along a gradient */
  priceOfPick(ascends: boolean): number;
  /** Whether so much is left for a seed. */
  canSpend(seed: number, price: number): boolean;
  /** Counts what is spent for a seed; returns all that was spent on it. */
  spend(seed: number, price: number): number;
  save(): SavedSeedBudget;
  /** @param keepsEntries whether entries have the indices they had when it was saved; else what was spent counts for all seeds alone */
  restore(saved: SavedSeedBudget, keepsEntries: boolean): void;
}

/** How often an attacker may run the model, or submit an input to it. */
export interface QueryLimits {
  /** Queries for one seed and its descendants. */
  readonly each?: number | undefined;
  /** Queries for all seeds. */
  readonly total?: number | undefined;
}

/** Counts what is spent on each seed, by its entry, and in all. */
export class SpentPerSeed {
  readonly #spent = new Map<number, number>();
  #total = 0;

  get total(): number {
    return this.#total;
  }

  of(seed: number): number {
    return this.#spent.get(seed) ?? 0;
  }

  /** Whether so much more is within limits. */
  isWithin(
    { each = Number.POSITIVE_INFINITY, total = Number.POSITIVE_INFINITY }: QueryLimits,
    seed: number,
    price: number,
  ): boolean {
    return this.of(seed) + price <= each && this.#total + price <= total;
  }

  /** Returns all that was spent on the seed. */
  add(seed: number, price: number): number {
    const spent = this.of(seed) + price;
    this.#spent.set(seed, spent);
    this.#total += price;
    return spent;
  }

  save(): SavedSeedBudget {
    return [...this.#spent];
  }

  restore(saved: SavedSeedBudget, keepsEntries: boolean): void {
    for (const [seed, spent] of saved) {
      this.#total += spent;
      if (keepsEntries) this.#spent.set(seed, spent);
    }
  }
}
