/** Mutants after which the threshold is looked at. */
const WINDOW = 10_000;

/** Share of a window's mutants above which the corpus floods. */
const FLOOD = 0.01;

/** Times a threshold may be halved below where it started. */
const MOST_HALVINGS = 20;

/** A threshold between two looks at it, as plain data. */
export interface SavedThreshold {
  readonly value: number;
  readonly mutants: number;
  readonly added: number;
}

/**
 * The distance above which activations are new. A calibrated one follows the search: it doubles when more
 * than one mutant in a hundred is kept, and halves when none is. It changes with the results in task order
 * alone, so that equal campaigns have equal thresholds.
 */
export class Threshold {
  readonly #adapts: boolean;
  readonly #isDelayed: boolean;
  readonly #least: number;
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
    this.#adapts = adapts;
    this.#least = start * 2 ** -MOST_HALVINGS;
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
    if (!this.#adapts || this.#mutants < WINDOW) return undefined;
    const before = this.#value;
    const kept = `${this.#added} of the last ${this.#mutants} mutants were kept`;
    if (this.#added > FLOOD * this.#mutants) this.#value *= 2;
    else if (this.#added === 0) this.#value = Math.max(this.#least, this.#value / 2);
    this.#mutants = 0;
    this.#added = 0;
    return this.#value === before ? undefined : { threshold: this.#value, why: kept };
  }

  save(): SavedThreshold {
    return { value: this.#value, mutants: this.#mutants, added: this.#added };
  }

  restore({ value, mutants, added }: SavedThreshold): void {
    this.#value = value;
    this.#mutants = mutants;
    this.#added = added;
  }
}
