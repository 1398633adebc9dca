import { type QueryLimits, type SavedSeedBudget, type SeedBudget, SpentPerSeed } from './spent-per-seed.ts';

/**
 * The inputs that an attacker without the model may still submit to it. The search itself runs on a surrogate and costs nothing; a
 * seed is searched for as long as an input may be submitted for it.
 */
export class SubmissionBudget implements SeedBudget {
  readonly #limits: QueryLimits;
  readonly #submitted = new SpentPerSeed();

  constructor(limits: QueryLimits) {
    this.#limits = limits;
  }

  priceOfPick(): number {
    return 0;
  }

  canSpend(seed: number): boolean {
    return this.canSubmit(seed, 0);
  }

  /** Whether an input may be submitted for a seed. @param pending submissions for other seeds that are not counted yet */
  canSubmit(seed: number, pending: number): boolean {
    const { each, total } = this.#limits;
    const left = total === undefined ? undefined : total - pending;
    return this.#submitted.isWithin({ each, total: left }, seed, 1);
  }

  /** Nothing is spent by searching; returns the inputs submitted for the seed so far. */
  spend(seed: number): number {
    return this.#submitted.of(seed);
  }

  /** Counts an input that is submitted for a seed; returns how many were. */
  submit(seed: number): number {
    return this.#submitted.add(seed, 1);
  }

  /** Inputs submitted for all seeds. */
  get total(): number {
    return this.#submitted.total;
  }

  /** Inputs submitted for a seed. */
  submitted(seed: number): number {
    return this.#submitted.of(seed);
  }

  save(): SavedSeedBudget {
    return this.#submitted.save();
  }

  restore(saved: SavedSeedBudget, keepsEntries: boolean): void {
    this.#submitted.restore(saved, keepsEntries);
  }
}
