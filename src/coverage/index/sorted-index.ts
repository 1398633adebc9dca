import type { NeighbourIndex } from './neighbour-index.ts';

/** Numbers of a block, at most: a full one is split into two. */
const BLOCK_LENGTH = 1024;

/** Bytes of a number: blocks are half full or fuller. */
export const SORTED_BYTES_PER_NUMBER = 2 * Float64Array.BYTES_PER_ELEMENT;

/** Some numbers in a row, ascending. */
interface Block {
  readonly values: Float64Array;
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
    block.count++;
    this.#size++;
    if (block.count === BLOCK_LENGTH) this.#split(at);
  }

  /** Has no snapshots: adding numbers takes less time than reading them. */
  loadPrefix(): number {
    return 0;
  }

  nearest(values: Float32Array, offset = 0): number {
    const value = values[offset];
    const at = this.#blockOf(value);
    const block = this.#blocks[at];
    const place = lowerBound(block, value);
    const before = place > 0 ? block : this.#blocks[at - 1];
    const below = place > 0 ? block.values[place - 1] : before?.values[before.count - 1];
    const above = place < block.count ? block.values[place] : this.#blocks[at + 1]?.values[0];
    return (
      Math.min(
        above === undefined ? Number.POSITIVE_INFINITY : above - value,
        below === undefined ? Number.POSITIVE_INFINITY : value - below,
      ) ** 2
    );
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
    upper.count = half;
    block.count = half;
    this.#blocks.splice(at + 1, 0, upper);
  }
}

function makeBlock(): Block {
  return { values: new Float64Array(BLOCK_LENGTH), count: 0 };
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
