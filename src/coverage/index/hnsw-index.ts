import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import hnswlib from 'hnswlib-node';
import type { NeighbourIndex } from './neighbour-index.ts';

/** Links a node, and candidates looked at on insertion and search (Malkov & Yashunin 2016, section 4). */
const LINKS_PER_NODE = 16;
const EF_CONSTRUCTION = 100;
const EF_SEARCH = 40;
const RANDOM_SEED = 100;
const INITIAL_CAPACITY = 4096;

/** Vectors between two seals: what a new process inserts at most, in a few seconds. */
const SNAPSHOT_INTERVAL = 40_000;

/** Sealed files that are kept. */
const MAX_SNAPSHOTS = 2;

/** Where and how often an index is sealed. */
export interface SnapshotOptions {
  /** Holds the sealed files; without it they are temporary. */
  readonly folder?: string;
  /** Whether this process writes the folder's files; others read them. */
  readonly isWriter?: boolean;
  readonly interval?: number;
}

/**
 * Approximate nearest neighbours by hnswlib; grows without a fixed limit.
 *
 * An hnswlib index that was saved, loaded and then grown answers otherwise than one that only grew, since
 * the generator that places nodes is not saved. So that a process that starts late need not insert
 * everything again and still answers as all others do, every process saves and loads its index at the same
 * sizes: whoever loads the file of such a size goes on exactly as they do.
 */
export class HnswIndex implements NeighbourIndex {
  readonly #index: hnswlib.HierarchicalNSW;
  readonly #snapshotOptions: SnapshotOptions;
  readonly #snapshotInterval: number;
  /** hnswlib-node takes plain arrays alone; one is used again for every call. */
  readonly #scratch: number[];
  #capacity = INITIAL_CAPACITY;
  #size = 0;

  /** @param dimensions numbers in a vector */
  constructor(dimensions: number, sealing: SnapshotOptions = {}) {
    this.#index = new hnswlib.HierarchicalNSW('l2', dimensions);
    this.#index.initIndex(INITIAL_CAPACITY, LINKS_PER_NODE, EF_CONSTRUCTION, RANDOM_SEED);
    this.#index.setEf(EF_SEARCH);
    this.#scratch = new Array<number>(dimensions).fill(0);
    this.#snapshotOptions = sealing;
    this.#snapshotInterval = sealing.interval ?? SNAPSHOT_INTERVAL;
  }

  get size(): number {
    return this.#size;
  }

  add(vector: Float32Array): void {
    if (this.#size === this.#capacity) {
      this.#capacity *= 2;
      this.#index.resizeIndex(this.#capacity);
    }
    this.#index.addPoint(this.#toArray(vector), this.#size);
    this.#size++;
    if (this.#size % this.#snapshotInterval === 0) this.#snapshot();
  }

  nearest(vector: Float32Array): number {
    if (this.#size === 0) return Number.POSITIVE_INFINITY;
    return this.#index.searchKnn(this.#toArray(vector), 1).distances[0];
  }

  /** Loads the newest sealed file of at most `size` vectors into an empty index. */
  loadPrefix(size: number): number {
    const { folder } = this.#snapshotOptions;
    if (folder === undefined) return 0;
    for (let sealed = size - (size % this.#snapshotInterval); sealed > 0; sealed -= this.#snapshotInterval) {
      if (!existsSync(snapshotFile(folder, sealed))) continue;
      this.#load(snapshotFile(folder, sealed), sealed);
      return sealed;
    }
    return 0;
  }

  #snapshot(): void {
    const { folder, isWriter = false } = this.#snapshotOptions;
    const shared = folder === undefined ? undefined : snapshotFile(folder, this.#size);
    if (shared !== undefined && existsSync(shared)) {
      this.#load(shared, this.#size);
    } else if (folder !== undefined && shared !== undefined && isWriter) {
      mkdirSync(folder, { recursive: true });
      const unfinished = join(folder, `.tmp-${process.pid}.hnsw`);
      this.#index.writeIndexSync(unfinished);
      // A torn file must never be loaded: hnswlib trusts what it reads.
      const handle = openSync(unfinished, 'r');
      fsyncSync(handle);
      closeSync(handle);
      renameSync(unfinished, shared);
      this.#load(shared, this.#size);
      for (const old of snapshotSizes(folder).slice(0, -MAX_SNAPSHOTS)) rmSync(snapshotFile(folder, old));
    } else {
      const temporary = join(tmpdir(), `neurofuzz-${process.pid}-${this.#size}.hnsw`);
      try {
        this.#index.writeIndexSync(temporary);
        this.#load(temporary, this.#size);
      } finally {
        rmSync(temporary, { force: true });
      }
    }
  }

  #load(path: string, size: number): void {
    this.#index.readIndexSync(path);
    this.#index.setEf(EF_SEARCH);
    this.#capacity = this.#index.getMaxElements();
    this.#size = size;
  }

  #toArray(vector: Float32Array): number[] {
    const scratch = this.#scratch;
    for (let i = 0; i < scratch.length; i++) scratch[i] = vector[i];
    return scratch;
  }
}

function snapshotFile(folder: string, size: number): string {
  return join(folder, `index-${size}.hnsw`);
}

/** Sizes of the sealed files of a folder, in ascending order. */
function snapshotSizes(folder: string): number[] {
  return readdirSync(folder)
    .flatMap((name) => /^index-(\d+)\.hnsw$/.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b);
}
