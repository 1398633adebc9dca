import type { Random } from '../../core/random.ts';

/** Mutants after which what was learnt counts half: what pays changes while the search goes on. */
const HALF_LIFE_MUTANTS = 50_000;

/** Mutants that each arm is credited with before it was tried, at the yield of all. */
const PRIOR_MUTANTS = 512;

/**
 * What running a mutant costs beside making it, in copies of its values: a dear mutator must bring more. On ONNX
 * Runtime a small dense net takes as long as 43 copies, a small convolution net as long as 85. It is one number for
 * all models, since what a clock says would make equal campaigns differ.
 */
const RUN_COST = 43;

/** How much the better arm is preferred to the worse: shares go by this power of the yields. */
const YIELD_EXPONENT = 2;

/** The state of a bandit as plain data. */
export interface SavedBandit {
  readonly mutants: readonly number[];
  readonly rewards: readonly number[];
}

/**
 * Shares picks out among arms by what each brought per mutant and cost, with a floor for each: probability matching
 * with discounted means (Garivier & Moulines 2011, for what changes with time). Draws and sums alone decide, so
 * equal results give equal shares.
 */
export class Bandit {
  readonly #costs: readonly number[];
  readonly #floors: readonly number[];
  readonly #floor: number;
  #mutants: number[];
  #rewards: number[];
  #shares: readonly number[] | undefined;

  /**
   * @param costs of a mutant of each arm, in copies of its values
   * @param floor share of the picks that is given to all alike, the dearer the less
   */
  constructor(costs: readonly number[], floor: number) {
    this.#costs = costs;
    this.#floor = floor;
    this.#floors = normalise(costs.map((cost) => 1 / (RUN_COST + cost)));
    this.#mutants = costs.map(() => 0);
    this.#rewards = costs.map(() => 0);
  }

  /** Share of the picks that each arm has now. */
  get shares(): readonly number[] {
    this.#shares ??= this.#computeShares();
    return this.#shares;
  }

  /** Draws an arm. */
  select(random: Random): number {
    let left = random.uniform();
    const { shares } = this;
    for (let arm = 0; arm < shares.length - 1; arm++) {
      left -= shares[arm];
      if (left < 0) return arm;
    }
    return shares.length - 1;
  }

  /** An arm made so many mutants, which brought so much. */
  addReward(arm: number, mutants: number, reward: number): void {
    this.#mutants[arm] += mutants;
    this.#rewards[arm] += reward;
  }

  /** Lets what was learnt fade by as much as so many mutants make it. */
  decay(mutants: number): void {
    const kept = 0.5 ** (mutants / HALF_LIFE_MUTANTS);
    for (let arm = 0; arm < this.#mutants.length; arm++) {
      this.#mutants[arm] *= kept;
      this.#rewards[arm] *= kept;
    }
    this.#shares = undefined;
  }

  save(): SavedBandit {
    return { mutants: [...this.#mutants], rewards: [...this.#rewards] };
  }

  restore({ mutants, rewards }: SavedBandit): void {
    this.#mutants = [...mutants];
    this.#rewards = [...rewards];
    this.#shares = undefined;
  }

  #computeShares(): number[] {
    const rewards = this.#rewards.reduce((sum, one) => sum + one, 0);
    const mutants = this.#mutants.reduce((sum, one) => sum + one, 0);
    // Before anything is learnt all bring alike.
    const mean = rewards === 0 ? 1 : rewards / mutants;
    const own = (arm: number): number => (rewards === 0 ? this.#mutants[arm] : this.#rewards[arm]);
    const worth = this.#costs.map(
      (cost, arm) =>
        ((own(arm) + PRIOR_MUTANTS * mean) / (this.#mutants[arm] + PRIOR_MUTANTS) / (RUN_COST + cost)) **
        YIELD_EXPONENT,
    );
    const floor = this.#floor;
    return normalise(worth).map((one, arm) => floor * this.#floors[arm] + (1 - floor) * one);
  }
}

/** Numbers divided by their sum. */
function normalise(numbers: readonly number[]): number[] {
  const all = numbers.reduce((sum, one) => sum + one, 0);
  return numbers.map((one) => one / all);
}
