import {
  type AscentAccount,
  type ClimbYield,
  type GoalAssignment,
  type GoalProgress,
  MAX_MARGIN,
  type SavedAscentShare,
} from '../search-goal.ts';

/** Tasks of a goal after which earlier gains count half. */
const HALF_LIFE_TASKS = 16;

/** Runs of the model that both kinds of tasks are credited with beforehand. */
const PRIOR_RUNS = 128;

/**
 * Gain that ascents are credited with beforehand, relative to that of other tasks: gradients lead straight to most goals. It falls as
 * ascents gain nothing, so that a goal that no gradient leads to loses little.
 */
const PRIOR_RATIO = 3;

/**
 * The same for texts, where the first-order gain of a token is often wrong, and a gradient goes back through all tokens of a prompt.
 */
export const TEXT_PRIOR_RATIO = 0.5;

const MIN_PRIOR_RATIO = 0.05;

/** Runs of ascents without a gain after which the prior counts half. */
const HALF_LIFE_RUNS = 600;

/** Halvings of the distance that count as a gain: at a local optimum steps gain ever less, and never nothing. */
const MIN_GAIN = 0.1;

/** Halvings of the distance that a goal that is reached counts as, where no margin was known. */
const REACHED_GAIN = 20;

/** Gain of a run below which no kind pays. */
const MIN_GAIN_PER_RUN = 1e-3;

const YIELD_EXPONENT = 2;

/** The least and the greatest share: either kind may pay at the next distance. */
const MIN_SHARE = 0.04;
const MAX_SHARE = 0.9;

/**
 * Runs of the model, in a batch of mutants, that a run of a gradient counts as, and each testcase in it: a run of few testcases takes as
 * long as one of eight mutants in a small network, and the backward pass twice as long as the forward pass in a large one. Constants,
 * since the search must not depend on the clock.
 */
const RUN_PRICE = 6;
const ROW_PRICE = 2.5;

/**
 * Runs of the model that the gradients of a task cost.
 *
 * @param ascent `runs` of gradients; without it each testcase counts as a run of its own
 */
export function ascentPrice({
  forwards,
  gradients,
  runs = gradients,
}: Pick<AscentAccount, 'forwards' | 'gradients'> & { readonly runs?: number }): number {
  return forwards + RUN_PRICE * runs + ROW_PRICE * gradients;
}

/**
 * The share of a goal's tasks that step along gradients: learned from the margin that tasks of either kind gained per run of the
 * model, gradients counted by their price.
 */
export class AscentShare {
  #ascents: ClimbYield = { mutants: 0, gain: 0 };
  #others: ClimbYield = { mutants: 0, gain: 0 };
  #isRefused = false;
  /** Runs of ascents since they gained. */
  #idleRuns = 0;
  readonly #priorRatio: number;

  /** @param priorRatio gain that ascents are credited with beforehand, relative to that of other tasks */
  constructor(priorRatio = PRIOR_RATIO) {
    this.#priorRatio = priorRatio;
  }

  /** Whether there is nothing to save. */
  get isUntaught(): boolean {
    return !this.#isRefused && this.#ascents.mutants + this.#others.mutants === 0;
  }

  /** 0 once there turned out to be no gradient. */
  get share(): number {
    if (this.#isRefused) return 0;
    const runs = this.#ascents.mutants + this.#others.mutants;
    const mean = Math.max(MIN_GAIN_PER_RUN, (this.#ascents.gain + this.#others.gain) / Math.max(1, runs));
    const rateOf = ({ gain, mutants }: ClimbYield, ratio: number): number =>
      ((gain + PRIOR_RUNS * mean * ratio) / (mutants + PRIOR_RUNS)) ** YIELD_EXPONENT;
    const ratio = Math.max(MIN_PRIOR_RATIO, this.#priorRatio * 0.5 ** (this.#idleRuns / HALF_LIFE_RUNS));
    const [ascending, other] = [rateOf(this.#ascents, ratio), rateOf(this.#others, 1)];
    return Math.min(MAX_SHARE, Math.max(MIN_SHARE, ascending / (ascending + other)));
  }

  /** Steps along no gradient any more. */
  refuse(): void {
    this.#isRefused = true;
  }

  /** Applies the outcome of a task of so many mutants. */
  apply(
    { ascends, marginsToBeat, subgoals, best }: GoalAssignment,
    { improvements, smallestMargins, ascent }: GoalProgress,
    mutants: number,
  ): void {
    if (ascent?.refusal !== undefined) this.refuse();
    const kept = 0.5 ** (1 / HALF_LIFE_TASKS);
    for (const kind of [this.#ascents, this.#others]) {
      kind.mutants *= kept;
      kind.gain *= kept;
    }
    // Each subgoal once: the picks of a task with steps share what they gain.
    const gains = new Map<number, number>();
    const record = (subgoal: number, gain: number): void => {
      gains.set(subgoal, Math.max(gains.get(subgoal) ?? 0, gain));
    };
    for (const { pick, margin } of improvements) {
      // A pick that began elsewhere gains what it comes nearer than the goal was.
      const before = Math.min(marginsToBeat[pick], best[subgoals[pick]] ?? MAX_MARGIN);
      if (before < MAX_MARGIN && margin < before) record(subgoals[pick], before - margin);
    }
    subgoals.forEach((subgoal, pick) => {
      if (smallestMargins[subgoal] === 0)
        record(subgoal, Math.min(REACHED_GAIN, Math.max(1, marginsToBeat[pick])));
    });
    // What a task gains that is the first to measure a margin is not known.
    const isFirst = smallestMargins.some(
      (margin, i) => margin < MAX_MARGIN && !((best[i] ?? MAX_MARGIN) < MAX_MARGIN),
    );
    if (isFirst && gains.size === 0) return;
    const kind = ascends === true ? this.#ascents : this.#others;
    const runs = mutants + (ascent === undefined ? 0 : ascentPrice(ascent));
    const gained = [...gains.values()].reduce((sum, gain) => sum + gain, 0);
    kind.mutants += runs;
    kind.gain += gained;
    if (ascends === true) this.#idleRuns = gained >= MIN_GAIN ? 0 : this.#idleRuns + runs;
  }

  save(): SavedAscentShare {
    return {
      climbs: { ...this.#ascents },
      others: { ...this.#others },
      ...(this.#idleRuns === 0 ? {} : { idleRuns: this.#idleRuns }),
      ...(this.#isRefused ? { isRefused: true } : {}),
    };
  }

  restore({ climbs, others, idleRuns = 0, isRefused }: SavedAscentShare): void {
    this.#idleRuns = idleRuns;
    this.#ascents = { ...climbs };
    this.#others = { ...others };
    this.#isRefused = isRefused === true;
  }
}
