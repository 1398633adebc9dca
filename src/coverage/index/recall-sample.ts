import { formatCount } from '../../core/format-number.ts';
import type { NeighbourIndex } from './neighbour-index.ts';

/** Stored vectors that each search pays for: a search is checked once those before it have paid for reading all. */
const READS_PER_SEARCH = 16;

/** Vectors up to which nothing is checked: a search then looks at nearly all of them. */
const MIN_SIZE = 100;

/** Relative error of a squared distance that is added up in single precision. */
const MAX_ERROR = 1e-4;

/** Searches of an approximate index that were checked by an exact one, and those of them that found the nearest vector. */
export interface IndexRecall {
  readonly checked: number;
  readonly found: number;
}

/** Recall at 1 for people; undefined where nothing was checked. */
export function recallText({ checked, found }: IndexRecall): string | undefined {
  if (checked === 0) return undefined;
  const percent = `${Number(((100 * found) / checked).toPrecision(3))} %`;
  return `recall of the neighbour index: ${percent} (the nearest activations in ${formatCount(found)} of ${formatCount(checked)} checked searches)`;
}

/** A sample as plain data. */
export interface SavedRecallSample extends IndexRecall {
  /** Stored vectors that the searches since the last check have paid for. */
  readonly paid: number;
}

/**
 * Recall at 1 of an approximate index (Malkov & Yashunin 2016, section 5) on a sample of a campaign's own searches. Which ones are
 * checked depends on the numbers of searches and vectors alone, so that equal campaigns check the same; reading costs a fixed number
 * of vectors per search, however many there are.
 */
export class RecallSample {
  #checked = 0;
  #found = 0;
  #paid = 0;

  get recall(): IndexRecall {
    return { checked: this.#checked, found: this.#found };
  }

  /**
   * Counts a search, and checks it where it is due.
   *
   * @param index as it was searched
   * @param nearest squared distance that the search gave
   */
  observe(index: NeighbourIndex, vector: Float32Array, nearest: number): void {
    const { size } = index;
    if (index.exactNearest === undefined || size < MIN_SIZE) return;
    this.#paid += READS_PER_SEARCH;
    if (this.#paid < size) return;
    this.#paid = 0;
    this.#checked++;
    if (nearest <= index.exactNearest(vector) * (1 + MAX_ERROR)) this.#found++;
  }

  save(): SavedRecallSample {
    return { ...this.recall, paid: this.#paid };
  }

  restore({ checked, found, paid }: SavedRecallSample): void {
    this.#checked = checked;
    this.#found = found;
    this.#paid = paid;
  }
}
