/** Mutants after which the threshold is looked at. */
const WINDOW_MUTANTS = 10_000;

/** Share of a window's mutants above which the corpus floods. */
const FLOOD_SHARE = 0.01;

/** Times a threshold may be halved below where it started. */
const MAX_HALVINGS = 20;

/** A threshold between two looks at it, as plain data. */
export interface SavedNoveltyThreshold {
  readonly value: number;
  readonly mutants: number;
  readonly added: number;
}

/**
 * The distance above which activations are new. A calibrated one follows the search: it doubles when more
 * than one mutant in a hundred is kept, and halves when none is. It changes with the results in task order
 * alone, so that equal campaigns have equal thresholds.
 */
export class NoveltyThreshold {
  readonly #isAdaptive: boolean;
  readonly #isDelayed: boolean;
  readonly #minimum: number;
  #value: number;
  #mutants = 0;
  #added = 0;

  /**
   * @param adapts false for one that the user set
   * @param isDelayed whether so many results are on the way that those of mutants judged by another value say nothing: it
   *   would go on moving long after it was right
   */
  constructor(start: number, adapts: boolean, isDelayed = false) {
    this.#isDelayed = isDelayed;
    this.#value = start;
    this.#isAdaptive = adapts;
    this.#minimum = start * 2 ** -MAX_HALVINGS;
  }

  get value(): number {
    return this.#value;
  }

  /**
   * Takes note of a task: its mutants and how many of them were kept.
   *
   * @param judgedBy the value when the task was handed out
   * @returns the new value where it was adapted, and why
   */
  observe(
    mutants: number,
    added: number,
    judgedBy = this.#value,
  ): { readonly threshold: number; readonly why: string } | undefined {
    if (this.#isDelayed && judgedBy !== this.#value) return undefined;
    this.#mutants += mutants;
    this.#added += added;
    if (!this.#isAdaptive || this.#mutants < WINDOW_MUTANTS) return undefined;
    const before = this.#value;
    const kept = `${this.#added} of the last ${this.#mutants} mutants were kept`;
    if (this.#added > FLOOD_SHARE * this.#mutants) this.#value *= 2;
    else if (this.#added === 0) this.#value = Math.max(this.#minimum, this.#value / 2);
    this.#mutants = 0;
    this.#added = 0;
    return this.#value === before ? undefined : { threshold: this.#value, why: kept };
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
