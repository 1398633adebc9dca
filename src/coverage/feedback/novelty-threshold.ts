/** Mutants after which the threshold is adapted. */
const WINDOW_MUTANTS = 10_000;

/** Share of a window's mutants above which the corpus floods. */
const FLOOD_SHARE = 0.01;

/** Times a threshold may be halved below where it started. */
const MAX_HALVINGS = 20;

/** A threshold as plain data, with the counts of the current window. */
export interface SavedNoveltyThreshold {
  readonly value: number;
  readonly mutants: number;
  readonly added: number;
}

/** A new value of a threshold. */
export interface ThresholdChange {
  readonly threshold: number;
  /** The reason, a clause for people. */
  readonly why: string;
}

/**
 * The score above which an observation is new. A calibrated one follows the search: it doubles when more than one mutant
 * in a hundred is kept, and halves when none is. It depends on nothing but the results in task order, so that equal
 * campaigns have equal thresholds.
 */
export class NoveltyThreshold {
  readonly #isAdaptive: boolean;
  readonly #isDelayed: boolean;
  readonly #minimum: number;
  #value: number;
  #mutants = 0;
  #added = 0;

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
   * @param judgedBy the value when the task was handed out
   * @returns the change, if there is one
   */
  observe(mutants: number, added: number, judgedBy = this.#value): ThresholdChange | undefined {
    if (this.#isDelayed && judgedBy !== this.#value) return undefined;
    this.#mutants += mutants;
    this.#added += added;
    if (!this.#isAdaptive || this.#mutants < WINDOW_MUTANTS) return undefined;
    const before = this.#value;
    const why = `${this.#added} of the last ${this.#mutants} mutants were kept`;
    if (this.#added > FLOOD_SHARE * this.#mutants) this.#value *= 2;
    else if (this.#added === 0) this.#value = Math.max(this.#minimum, this.#value / 2);
    this.#mutants = 0;
    this.#added = 0;
    return this.#value === before ? undefined : { threshold: this.#value, why };
  }

  save(): SavedNoveltyThreshold {
    return { value: this.#value, mutants: this.#mutants, added: this.#added };
  }

  restore({ value, mutants, added }: SavedNoveltyThreshold): void {
    this.#value = value;
    this.#mutants = mutants;
    this.#added = added;
  }
}
