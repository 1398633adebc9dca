/** Whole numbers up to here are bits; other values are members of a `Set`, which takes longer to ask. */
const MAX_BIT = 65_535;

/**
 * A set of elements, each a position in an observation and the value that is not zero there. Where all values are 0 or 1,
 * as with neurons that are covered or not, it is a bitmap.
 */
export class ElementSet {
  /** One byte for each position that has the value 1. */
  readonly #ones: Uint8Array;
  /** A bitmap of larger whole numbers by position, as long as its largest one needs. */
  readonly #bits: (Uint32Array | undefined)[];
  /** Other values by position. */
  readonly #others = new Map<number, Set<number>>();

  /** @param width numbers in an observation */
  constructor(width: number) {
    this.#ones = new Uint8Array(width);
    this.#bits = new Array(width).fill(undefined);
  }

  has(position: number, value: number): boolean {
    if (value === 1) return this.#ones[position] === 1;
    if (!isBit(value)) return this.#others.get(position)?.has(value) ?? false;
    const bits = this.#bits[position];
    const word = value >>> 5;
    return bits !== undefined && word < bits.length && (bits[word] & (1 << (value & 31))) !== 0;
  }

  /** Adds the elements of a finite observation. */
  addAll(observation: Float32Array): void {
    for (let position = 0; position < observation.length; position++) {
      const value = observation[position];
      if (value === 0) continue;
      if (value === 1) this.#ones[position] = 1;
      else if (isBit(value)) this.#addBit(position, value);
      else this.#valuesAt(position).add(value);
    }
  }

  #addBit(position: number, value: number): void {
    const word = value >>> 5;
    let bits = this.#bits[position];
    if (bits === undefined || word >= bits.length) {
      const grown = new Uint32Array(2 ** Math.ceil(Math.log2(word + 1)));
      if (bits !== undefined) grown.set(bits);
      bits = grown;
      this.#bits[position] = grown;
    }
    bits[word] |= 1 << (value & 31);
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

function isBit(value: number): boolean {
  return value > 0 && value <= MAX_BIT && Number.isInteger(value);
}
