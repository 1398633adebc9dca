import type { NeighbourIndex } from './neighbour-index.ts';

/** Numbers of a block, at most: a full one is split into two. */
const BLOCK_LENGTH = 1024;

/** Bytes of a number with its index: blocks are half full or fuller. */
export const SORTED_BYTES_PER_NUMBER = 2 * (Float64Array.BYTES_PER_ELEMENT + Uint32Array.BYTES_PER_ELEMENT);

/** Some numbers in a row, ascending. */
interface Block {
  readonly values: Float64Array;
  /** Of each number, how many were added before it. */
  readonly entries: Uint32Array;
  count: number;
}

/**
 * Exact nearest neighbours among single numbers: blocks of sorted numbers, and a binary search for the block and within it.
 * An insertion moves the numbers of one block, however many there are.
 */
export class SortedIndex implements NeighbourIndex {
  /** In ascending order; none is empty but the first one of an empty index. */
  readonly #blocks: Block[] = [makeBlock()];
  #size = 0;
  /** The last value's neighbours, infinite where there is none, and their indices. */
  #below = 0;
  #entryBelow = 0;
  #above = 0;
  #entryAbove = 0;

  get size(): number {
    return this.#size;
  }

  add(vector: Float32Array): void {
    const [value] = vector;
    const at = this.#blockOf(value);
    const block = this.#blocks[at];
    const place = lowerBound(block, value);
    block.values.copyWithin(place + 1, place, block.count);
    block.values[place] = value;
    block.entries.copyWithin(place + 1, place, block.count);
    block.entries[place] = this.#size;
    block.count++;
    this.#size++;
    if (block.count === BLOCK_LENGTH) this.#split(at);
  }

  /** Has no snapshots: adding numbers takes less time than reading them. */
  loadPrefix(): number {
    return 0;
  }

  nearest(values: Float32Array, offset = 0): number {
    this.#find(values[offset]);
    return Math.min(this.#above - values[offset], values[offset] - this.#below) ** 2;
  }

  nearestEntry(values: Float32Array, offset = 0): number {
    this.#find(values[offset]);
    return this.#above - values[offset] < values[offset] - this.#below ? this.#entryAbove : this.#entryBelow;
  }

  /** Finds the neighbours of a value, in fields: queries allocate nothing. */
  #find(value: number): void {
    const at = this.#blockOf(value);
    const block = this.#blocks[at];
    const place = lowerBound(block, value);
    const before = place > 0 ? block : this.#blocks[at - 1];
    const placeBefore = place > 0 ? place - 1 : (before?.count ?? 0) - 1;
    const after = place < block.count ? block : this.#blocks[at + 1];
    const placeAfter = place < block.count ? place : 0;
    this.#below = before?.values[placeBefore] ?? Number.NEGATIVE_INFINITY;
    this.#entryBelow = before?.entries[placeBefore] ?? -1;
    this.#above = after?.values[placeAfter] ?? Number.POSITIVE_INFINITY;
    this.#entryAbove = after?.entries[placeAfter] ?? -1;
  }

  /** Index of the last block that begins at or below a value; the first one where none does. */
  #blockOf(value: number): number {
    let low = 0;
    let high = this.#blocks.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (this.#blocks[middle].values[0] <= value) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  #split(at: number): void {
    const block = this.#blocks[at];
    const upper = makeBlock();
    const half = BLOCK_LENGTH / 2;
    upper.values.set(block.values.subarray(half));
    upper.entries.set(block.entries.subarray(half));
    upper.count = half;
    block.count = half;
    this.#blocks.splice(at + 1, 0, upper);
  }
}

function makeBlock(): Block {
  return { values: new Float64Array(BLOCK_LENGTH), entries: new Uint32Array(BLOCK_LENGTH), count: 0 };
}

/** Index of the first number that is not below a value. */
function lowerBound({ values, count }: Block, value: number): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (values[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
