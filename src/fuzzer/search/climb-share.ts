import {
  type ClimbYield,
  type GoalAssignment,
  type GoalProgress,
  MAX_MARGIN,
  type SavedClimbShare,
} from './search-goal.ts';

/** Tasks of a goal after which earlier gains count half: what pays changes as a margin shrinks. */
const HALF_LIFE_TASKS = 16;

/** Mutants that both kinds of picks are credited with beforehand, at the mean gain. */
const PRIOR_MUTANTS = 256;

/** Gain that a climb is credited with beforehand, relative to that of other picks: most goals are far at first. */
const PRIOR_RATIO = 0.6;

/** Gain of a mutant below which no kind pays: at a local optimum fine steps gain ever less, and never nothing. */
const MIN_GAIN_PER_MUTANT = 1e-3;

/** How strongly the better kind is preferred, as among mutators. */
const YIELD_EXPONENT = 2;

/** The least and the greatest share of climbs: either may pay at the next distance. */
const MIN_SHARE = 0.2;
const MAX_SHARE = 0.85;

/**
 * The share of a goal's picks that climb by fine steps, in place of the mutators that the scheduler selects: learned from the
 * margin that picks of either kind gained per mutant.
 */
export class ClimbShare {
  #climbs: ClimbYield = { mutants: 0, gain: 0 };
  #others: ClimbYield = { mutants: 0, gain: 0 };

  /** True until a pick has counted. */
  get isUntaught(): boolean {
    return this.#climbs.mutants + this.#others.mutants === 0;
  }

  get share(): number {
    const mutants = this.#climbs.mutants + this.#others.mutants;
    const gain = this.#climbs.gain + this.#others.gain;
    const mean = Math.max(MIN_GAIN_PER_MUTANT, gain / Math.max(1, mutants));
    const rateOf = (kind: ClimbYield, ratio: number): number =>
      (kind.gain + PRIOR_MUTANTS * mean * ratio) / (kind.mutants + PRIOR_MUTANTS);
    const climbing = rateOf(this.#climbs, PRIOR_RATIO) ** YIELD_EXPONENT;
    const share = climbing / (climbing + rateOf(this.#others, 1) ** YIELD_EXPONENT);
    return Math.min(MAX_SHARE, Math.max(MIN_SHARE, share));
  }

  /**
   * Applies the outcome of a task. Picks that began at no entry of the goal say nothing.
   *
   * @param mutantsOf number of mutants of a pick
   */
  apply(
    { marginsToBeat, strengths = [] }: GoalAssignment,
    { improvements }: Pick<GoalProgress, 'improvements'>,
    mutantsOf: (pick: number) => number,
  ): void {
    const kept = 0.5 ** (1 / HALF_LIFE_TASKS);
    for (const kind of [this.#climbs, this.#others]) {
      kind.mutants *= kept;
      kind.gain *= kept;
    }
    const kindOf = (pick: number): ClimbYield =>
      (strengths[pick] ?? null) === null ? this.#others : this.#climbs;
    const gains = new Map<number, number>();
    for (const { pick, margin } of improvements)
      gains.set(pick, Math.max(gains.get(pick) ?? 0, marginsToBeat[pick] - margin));
    marginsToBeat.forEach((margin, pick) => {
      if (margin >= MAX_MARGIN) return;
      const kind = kindOf(pick);
      kind.mutants += mutantsOf(pick);
      kind.gain += gains.get(pick) ?? 0;
    });
  }

  save(): SavedClimbShare {
    return { climbs: { ...this.#climbs }, others: { ...this.#others } };
  }

  restore({ climbs, others }: SavedClimbShare): void {
    this.#climbs = { ...climbs };
    this.#others = { ...others };
  }
}
