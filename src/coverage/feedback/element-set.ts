/**
 * A set of elements, each a position in an observation and the value that is not zero there. Where all values are 0 or 1,
 * as with neurons that are covered or not, it is a bitmap.
 */
export class ElementSet {
  /** One byte for each position that has the value 1. */
  readonly #ones: Uint8Array;
  /** Other values by position. */
  readonly #others = new Map<number, Set<number>>();

  /** @param width numbers in an observation */
  constructor(width: number) {
    this.#ones = new Uint8Array(width);
  }

  has(position: number, value: number): boolean {
    return value === 1 ? this.#ones[position] === 1 : (this.#others.get(position)?.has(value) ?? false);
  }

  /** Adds the elements of a finite observation. */
  addAll(observation: Float32Array): void {
    for (let position = 0; position < observation.length; position++) {
      const value = observation[position];
      if (value === 0) continue;
      if (value === 1) this.#ones[position] = 1;
      else this.#valuesAt(position).add(value);
    }
  }

  #valuesAt(position: number): Set<number> {
    let values = this.#others.get(position);
    if (values === undefined) {
      values = new Set();
      this.#others.set(position, values);
    }
    return values;
  }
}
