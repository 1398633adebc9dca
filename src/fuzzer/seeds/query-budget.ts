import { MUTANTS_PER_PICK } from '../scheduling/task-sizes.ts';
import { type QueryLimits, type SavedSeedBudget, type SeedBudget, SpentPerSeed } from './spent-per-seed.ts';

/** Queries of a gradient: a pass forward, and one backward, which takes about as long as two. */
export const GRADIENT_QUERIES = 3;

/**
 * The queries that an attacker has left: a mutant costs one, a gradient `GRADIENT_QUERIES`. They are counted when a task is planned, so
 * that no task goes beyond the budget, and count for the seed that the mutant descends from.
 */
export class QueryBudget implements SeedBudget {
  readonly #limits: QueryLimits;
  readonly #spent = new SpentPerSeed();

  constructor(limits: QueryLimits) {
    this.#limits = limits;
  }

  priceOfPick(ascends: boolean): number {
    return MUTANTS_PER_PICK + (ascends ? GRADIENT_QUERIES : 0);
  }

  canSpend(seed: number, price: number): boolean {
    return this.#spent.isWithin(this.#limits, seed, price);
  }

  spend(seed: number, price: number): number {
    return this.#spent.add(seed, price);
  }

  save(): SavedSeedBudget {
    return this.#spent.save();
  }

  restore(saved: SavedSeedBudget, keepsEntries: boolean): void {
    this.#spent.restore(saved, keepsEntries);
  }
}
