import type { Random } from '../../core/random.ts';

/** Mutants after which earlier rewards count half: which arm pays changes as the campaign goes on. */
const HALF_LIFE_MUTANTS = 50_000;

/** Mutants that each arm is credited with before it was tried, at the mean yield of all arms. */
const PRIOR_MUTANTS = 512;

/**
 * Cost of running a mutant, in copies of its values. It is added to the cost of making one, since an expensive mutator
 * matters less where running is expensive. On ONNX Runtime a small dense net takes as long as 43 copies, a small
 * convolutional net as long as 85. One number for all models of small inputs, since measured times would make equal campaigns
 * differ; for large inputs it is estimated from the graph.
 */
export const RUN_COST = 43;

/** How strongly the better arm is preferred: shares are proportional to this power of the yields. */
const YIELD_EXPONENT = 2;

/** A bandit as plain data. */
export interface SavedBandit {
  readonly mutants: readonly number[];
  readonly rewards: readonly number[];
}

/**
 * Multi-armed bandit that shares out picks by each arm's reward per mutant and cost, with a floor for each arm:
 * probability matching with discounted means (Garivier & Moulines 2011, for rewards that change with time). Shares
 * depend on draws and sums alone, so equal results give equal shares.
 */
export class Bandit {
  readonly #costs: readonly number[];
  readonly #runCost: number;
  readonly #floors: readonly number[];
  readonly #floor: number;
  #mutants: number[];
  #rewards: number[];
  #shares: readonly number[] | undefined;

  /**
   * @param costs of a mutant of each arm, in copies of its values; an arm of infinite cost has no share
   * @param floor share of the picks that all arms together get whatever their rewards, the more expensive the less
   * @param runCost of running a mutant, in copies of its values
   */
  constructor(costs: readonly number[], floor: number, runCost = RUN_COST) {
    this.#costs = costs;
    this.#runCost = runCost;
    this.#floor = floor;
    this.#floors = normalize(costs.map((cost) => 1 / (runCost + cost)));
    this.#mutants = costs.map(() => 0);
    this.#rewards = costs.map(() => 0);
  }

  /** The current share of the picks of each arm; they add up to 1. */
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

  /** Credits an arm with mutants and their reward; shares change with the next `decay`. */
  addReward(arm: number, mutants: number, reward: number): void {
    this.#mutants[arm] += mutants;
    this.#rewards[arm] += reward;
  }

  /** Discounts all rewards so far by the number of mutants that have been run since. */
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
    const totalReward = sum(this.#rewards);
    // While nothing was rewarded, every mutant counts as if it had brought 1.
    const mean = totalReward === 0 ? 1 : totalReward / sum(this.#mutants);
    const rewards = totalReward === 0 ? this.#mutants : this.#rewards;
    const weights = this.#costs.map((cost, arm) => {
      const reward = (rewards[arm] + PRIOR_MUTANTS * mean) / (this.#mutants[arm] + PRIOR_MUTANTS);
      return (reward / (this.#runCost + cost)) ** YIELD_EXPONENT;
    });
    const floor = this.#floor;
    return normalize(weights).map((share, arm) => floor * this.#floors[arm] + (1 - floor) * share);
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

/** Divides numbers by their sum. */
function normalize(numbers: readonly number[]): number[] {
  const total = sum(numbers);
  return numbers.map((number) => number / total);
}
