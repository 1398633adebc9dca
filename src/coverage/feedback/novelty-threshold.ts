/** Mutants after which the threshold is adapted. */
const WINDOW_MUTANTS = 10_000;

/** Share of a window's mutants above which the threshold rises. */
const TARGET_SHARE = 0.01;

/** Mutants kept in a window, 1 in 50 of it, at which the corpus floods: the window ends there. */
export const FLOOD_COUNT = WINDOW_MUTANTS / 50;

/** Times a threshold may be halved below where it started. */
const MAX_HALVINGS = 20;

/** A threshold as plain data, with the counts of the current window. */
export interface SavedNoveltyThreshold {
  readonly value: number;
  readonly mutants: number;
  readonly added: number;
  /** Scores of the mutants kept in the window; absent from checkpoints of older versions, as `floods` is. */
  readonly scores?: readonly number[];
  /** Windows in a row, the last ones, in which the corpus flooded. */
  readonly floods?: number;
}

/** A new value of a threshold. */
export interface ThresholdChange {
  readonly threshold: number;
  /** The reason, a clause for people. */
  readonly why: string;
}

/**
 * The score above which an observation is new. It follows the search: it doubles when more than one mutant
 * in a hundred is kept, and halves when none is. Where the corpus floods, it rises at once to the median score
 * of those that were kept, and from flood to flood to a higher one: three quarters lie below, then seven eighths. One that begins at 0
 * counts new elements: it rises by floods alone, and falls to 0 again. It depends on nothing but the results in task order, so that equal
 * campaigns have equal thresholds.
 */
export class NoveltyThreshold {
  readonly #isAdaptive: boolean;
  readonly #isDelayed: boolean;
  readonly #minimum: number;
  readonly #floodCount: number;
  #value: number;
  #mutants = 0;
  #scores: number[] = [];
  #floods = 0;

  /**
   * @param isAdaptive false for one that the user set
   * @param isDelayed whether so many results are in flight that those of mutants judged by another value must not count:
   *   the threshold would overshoot
   * @param floodCount mutants kept at which the corpus floods
   */
  constructor(start: number, isAdaptive: boolean, isDelayed = false, floodCount = FLOOD_COUNT) {
    this.#floodCount = floodCount;
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
    if (!this.#isAdaptive || (this.#isDelayed && judgedBy !== this.#value)) return undefined;
    this.#mutants += mutants;
    this.#scores.push(...scores);
    const kept = this.#scores.length;
    const isFlooded = kept > this.#floodCount;
    if (this.#mutants < WINDOW_MUTANTS && !isFlooded) return undefined;
    const before = this.#value;
    const why = `${kept} of the last ${this.#mutants} mutants were kept`;
    this.#floods = isFlooded ? this.#floods + 1 : 0;
    if (isFlooded) this.#value = Math.max(2 * this.#value, this.#scoreAbove(1 - 0.5 ** this.#floods));
    else if (kept > TARGET_SHARE * this.#mutants) this.#value *= 2;
    else if (kept === 0) this.#value = this.#halved();
    this.#mutants = 0;
    this.#scores = [];
    return this.#value === before ? undefined : { threshold: this.#value, why };
  }

  /** Half the value, but no less than the least; a number of elements below one is none. */
  #halved(): number {
    const half = this.#value / 2;
    return this.#minimum === 0 && half < 1 ? 0 : Math.max(this.#minimum, half);
  }

  /** The score that a share of the kept mutants does not exceed: of scores that span many decades as well. */
  #scoreAbove(share: number): number {
    const ascending = [...this.#scores].sort((a, b) => a - b);
    return ascending[Math.min(ascending.length - 1, Math.floor(share * ascending.length))];
  }

  save(): SavedNoveltyThreshold {
    return {
      value: this.#value,
      mutants: this.#mutants,
      added: this.#scores.length,
      scores: [...this.#scores],
      floods: this.#floods,
    };
  }

  restore({ value, mutants, added, scores, floods = 0 }: SavedNoveltyThreshold): void {
    this.#floods = floods;
    this.#value = value;
    this.#mutants = mutants;
    // Older versions counted those of a threshold that the user set as well.
    if (!this.#isAdaptive) return;
    this.#scores = scores === undefined ? new Array<number>(added).fill(value) : [...scores];
  }
}
