import hnswlib from 'hnswlib-node';
import type { NeighbourIndex } from './index.ts';

/** Links a node, and candidates looked at on insertion and search (Malkov & Yashunin 2016, section 4). */
const LINKS = 16;
const EF_CONSTRUCTION = 100;
const EF_SEARCH = 64;
const RANDOM_SEED = 100;
const FIRST_CAPACITY = 4096;

/** Approximate nearest neighbours by hnswlib; grows without a fixed limit. */
export class HnswIndex implements NeighbourIndex {
  readonly #index: hnswlib.HierarchicalNSW;
  /** hnswlib-node takes plain arrays alone; one is used again for every call. */
  readonly #scratch: number[];
  #capacity = FIRST_CAPACITY;
  #size = 0;

  /** @param dimensions numbers in a vector */
  constructor(dimensions: number) {
    this.#index = new hnswlib.HierarchicalNSW('l2', dimensions);
    this.#index.initIndex(FIRST_CAPACITY, LINKS, EF_CONSTRUCTION, RANDOM_SEED);
    this.#index.setEf(EF_SEARCH);
    this.#scratch = new Array<number>(dimensions).fill(0);
  }

  get size(): number {
    return this.#size;
  }

  add(vector: Float32Array): void {
    if (this.#size === this.#capacity) {
      this.#capacity *= 2;
      this.#index.resizeIndex(this.#capacity);
    }
    this.#index.addPoint(this.#plain(vector), this.#size);
    this.#size++;
  }

  nearest(vector: Float32Array): number {
    if (this.#size === 0) return Number.POSITIVE_INFINITY;
    return this.#index.searchKnn(this.#plain(vector), 1).distances[0];
  }

  #plain(vector: Float32Array): number[] {
    const scratch = this.#scratch;
    for (let i = 0; i < scratch.length; i++) scratch[i] = vector[i];
    return scratch;
  }
}
