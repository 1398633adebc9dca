import { withRoomFor } from '../../core/growable-array.ts';

const INITIAL_CAPACITY = 1024;

/** Slots of the hash table for each id: at most half of them are taken. */
const SLOTS_PER_ID = 2;

const EMPTY = -1;

const ID_PATTERN = /^[0-9a-f]{16}$/;

/** Hex digits of half an id. */
const HALF_DIGITS = 8;

/**
 * Ids of testcases by index, and indices by id. An id is two numbers of 32 bits here and a slot of a hash table with open
 * addressing: 16 to 24 bytes, where a string in a `Map` takes a hundred.
 */
export class IdIndex {
  #high = new Uint32Array(INITIAL_CAPACITY);
  #low = new Uint32Array(INITIAL_CAPACITY);
  /** Index of the id in each slot. */
  #slots = new Int32Array(SLOTS_PER_ID * INITIAL_CAPACITY).fill(EMPTY);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Adds an id under the next index. It is not there yet. */
  add(id: string): void {
    if (!ID_PATTERN.test(id)) throw new Error(`${id} is not a testcase's id`);
    const index = this.#size++;
    this.#high = withRoomFor(this.#high, index);
    this.#low = withRoomFor(this.#low, index);
    this.#high[index] = highHalf(id);
    this.#low[index] = lowHalf(id);
    if (SLOTS_PER_ID * this.#size > this.#slots.length) this.#rehash();
    else this.#slots[this.#slotOf(this.#high[index], this.#low[index])] = index;
  }

  /** The index of an id; undefined where it is not there. */
  indexOf(id: string): number | undefined {
    if (!ID_PATTERN.test(id)) return undefined;
    const index = this.#slots[this.#slotOf(highHalf(id), lowHalf(id))];
    return index === EMPTY ? undefined : index;
  }

  idAt(index: number): string {
    return hexOf(this.#high[index]) + hexOf(this.#low[index]);
  }

  #rehash(): void {
    this.#slots = new Int32Array(2 * this.#slots.length).fill(EMPTY);
    for (let index = 0; index < this.#size; index++)
      this.#slots[this.#slotOf(this.#high[index], this.#low[index])] = index;
  }

  /** The slot that holds an id, or the empty one where it belongs. An id is a hash: its low bits are evenly spread. */
  #slotOf(high: number, low: number): number {
    const mask = this.#slots.length - 1;
    for (let slot = low & mask; ; slot = (slot + 1) & mask) {
      const index = this.#slots[slot];
      if (index === EMPTY || (this.#low[index] === low && this.#high[index] === high)) return slot;
    }
  }
}

function highHalf(id: string): number {
  return Number.parseInt(id.slice(0, HALF_DIGITS), 16);
}

function lowHalf(id: string): number {
  return Number.parseInt(id.slice(HALF_DIGITS), 16);
}

function hexOf(half: number): string {
  return half.toString(16).padStart(HALF_DIGITS, '0');
}
