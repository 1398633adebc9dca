import type { NeighbourIndex } from './neighbour-index.ts';

const INITIAL_CAPACITY = 1024;

/** Exact nearest neighbours among single numbers: a sorted array and a binary search. */
export class SortedIndex implements NeighbourIndex {
  #sorted = new Float64Array(INITIAL_CAPACITY);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(vector: Float32Array): void {
    if (this.#size === this.#sorted.length) {
      const larger = new Float64Array(2 * this.#size);
      larger.set(this.#sorted);
      this.#sorted = larger;
    }
    const at = this.#lowerBound(vector[0]);
    this.#sorted.copyWithin(at + 1, at, this.#size);
    this.#sorted[at] = vector[0];
    this.#size++;
  }

  /** Has no snapshots: adding numbers takes less time than reading them. */
  loadPrefix(): number {
    return 0;
  }

  nearest(values: Float32Array, offset = 0): number {
    const value = values[offset];
    const at = this.#lowerBound(value);
    const above = at < this.#size ? this.#sorted[at] - value : Number.POSITIVE_INFINITY;
    const below = at > 0 ? value - this.#sorted[at - 1] : Number.POSITIVE_INFINITY;
    return Math.min(above, below) ** 2;
  }

  #lowerBound(value: number): number {
    let low = 0;
    let high = this.#size;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#sorted[middle] < value) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
