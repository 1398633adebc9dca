/** Mutants after which the threshold is adapted. */
const WINDOW_MUTANTS = 10_000;

/** Share of a window's mutants above which the threshold rises. */
const TARGET_SHARE = 0.01;

/** Mutants kept in a window, 1 in 50 of it, at which the corpus floods: the window ends there. */
const FLOOD_COUNT = WINDOW_MUTANTS / 50;

/** Share of mutants kept from which fewer show that the corpus floods: a slow model runs few. */
const STEEP_FLOOD_SHARE = 0.25;
const STEEP_FLOOD_COUNT = 16;

/** Times a threshold may be halved below where it started. */
const MAX_HALVINGS = 20;

/** A threshold as plain data, with the counts of the current window. */
export interface SavedNoveltyThreshold {
  readonly value: number;
  readonly mutants: number;
  readonly added: number;
  /** Scores of the mutants kept in the window; absent from checkpoints of older versions. */
  readonly scores?: readonly number[];
}

/** A new value of a threshold. */
export interface ThresholdChange {
  readonly threshold: number;
  /** The reason, a clause for people. */
  readonly why: string;
}

/**
 * The score above which an observation is new. A calibrated one follows the search: it doubles when more than one mutant
 * in a hundred is kept, and halves when none is. Where the corpus floods, it rises at once to the score that
 * one mutant in a hundred had exceeded. It depends on nothing but the results in task order, so that equal
 * campaigns have equal thresholds.
 */
export class NoveltyThreshold {
  readonly #isAdaptive: boolean;
  readonly #isDelayed: boolean;
  readonly #minimum: number;
  #value: number;
  #mutants = 0;
  #scores: number[] = [];

  /**
   * @param isAdaptive false for one that the user set
   * @param isDelayed whether so many results are in flight that those of mutants judged by another value must not count:
   *   the threshold would overshoot
   */
  constructor(start: number, isAdaptive: boolean, isDelayed = false) {
    this.#isDelayed = isDelayed;
    this.#value = start;
    this.#isAdaptive = isAdaptive;
    this.#minimum = start * 2 ** -MAX_HALVINGS;
  }

  get value(): number {
    return this.#value;
  }

  /**
   * Counts the mutants of a task and those of them that were kept.
   *
   * @param scores of the mutants that were kept
   * @param judgedBy the value when the task was handed out
   * @returns the change, if there is one
   */
  observe(mutants: number, scores: readonly number[], judgedBy = this.#value): ThresholdChange | undefined {
    if (this.#isDelayed && judgedBy !== this.#value) return undefined;
    this.#mutants += mutants;
    this.#scores.push(...scores);
    const kept = this.#scores.length;
    const isFlooded =
      kept > FLOOD_COUNT || (kept > STEEP_FLOOD_COUNT && kept > STEEP_FLOOD_SHARE * this.#mutants);
    if (!this.#isAdaptive || (this.#mutants < WINDOW_MUTANTS && !isFlooded)) return undefined;
    const before = this.#value;
    const why = `${kept} of the last ${this.#mutants} mutants were kept`;
    if (isFlooded) this.#value = Math.max(2 * this.#value, this.#targetScore());
    else if (kept > TARGET_SHARE * this.#mutants) this.#value *= 2;
    else if (kept === 0) this.#value = Math.max(this.#minimum, this.#value / 2);
    this.#mutants = 0;
    this.#scores = [];
    return this.#value === before ? undefined : { threshold: this.#value, why };
  }

  /** The score that a hundredth of the window's mutants exceeded. */
  #targetScore(): number {
    const descending = [...this.#scores].sort((a, b) => b - a);
    return descending[Math.floor(TARGET_SHARE * this.#mutants)] ?? 0;
  }

  save(): SavedNoveltyThreshold {
    return {
      value: this.#value,
      mutants: this.#mutants,
      added: this.#scores.length,
      scores: [...this.#scores],
    };
  }

  restore({ value, mutants, added, scores }: SavedNoveltyThreshold): void {
    this.#value = value;
    this.#mutants = mutants;
    this.#scores = scores === undefined ? new Array<number>(added).fill(value) : [...scores];
  }
}
