import { mkdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { HierarchicalNSW } from 'hnswlib-node';
import { loadHnswlib } from './load-hnswlib.ts';
import type { NeighbourIndex } from './neighbour-index.ts';
import {
  isIntactSnapshot,
  placeSnapshot,
  removeSnapshot,
  snapshotFile,
  snapshotSizes,
} from './snapshot-files.ts';

// With the module: a campaign that could not keep its index fails before it writes anything.
const hnswlib = loadHnswlib();

/** Links a node, and candidates looked at on insertion and search (Malkov & Yashunin 2016, section 4). */
const LINKS_PER_NODE = 16;
const EF_CONSTRUCTION = 100;
const EF_SEARCH = 40;
const RANDOM_SEED = 100;
const INITIAL_CAPACITY = 4096;

/**
 * Bytes of a node beside its vector: two links of 4 bytes on the lowest level for each of a higher one, a lock of 40, and its
 * label with its place in a hash table.
 */
const NODE_BYTES = 2 * LINKS_PER_NODE * 4 + 192;

/** Bytes that a vector takes in an index. */
export function hnswBytesPerVector(width: number): number {
  return NODE_BYTES + width * Float32Array.BYTES_PER_ELEMENT;
}

/** A distance whose square is a number of single precision. */
const MAX_DISTANCE = 1e19;

/** Vectors between two snapshots: the most that a new process has to insert, which takes it a few seconds. */
const SNAPSHOT_INTERVAL = 40_000;

/** Snapshots that are kept. */
const MAX_SNAPSHOTS = 2;

/** Storage and frequency of an index's snapshots. */
export interface SnapshotOptions {
  /** Folder of the snapshots; without it they are temporary files. */
  readonly folder?: string;
  /** Whether this process writes the folder's files; others read them. */
  readonly isWriter?: boolean;
  /** Vectors between two snapshots. */
  readonly interval?: number;
}

/**
 * Approximate nearest neighbours by hnswlib; grows without a fixed limit.
 *
 * An hnswlib index that was saved, loaded and then grown differs from one that only grew, since the state of the random
 * generator that draws the level of each node is not saved. A process that starts late should not have to insert every
 * vector again, yet must give the same answers as all others. Therefore every process saves and reloads its index at the
 * same sizes: loading the snapshot of such a size leads to the same state as having been there.
 */
export class HnswIndex implements NeighbourIndex {
  readonly #index: HierarchicalNSW;
  readonly #snapshotOptions: SnapshotOptions;
  readonly #snapshotInterval: number;
  /** hnswlib-node takes plain arrays only; this one is reused by every call. */
  readonly #scratch: number[];
  /** Larger values are clamped: hnswlib adds up squares in single precision. */
  readonly #maxMagnitude: number;
  #capacity = INITIAL_CAPACITY;
  #size = 0;

  /** @param dimensions numbers in a vector */
  constructor(dimensions: number, snapshots: SnapshotOptions = {}) {
    this.#index = new hnswlib.HierarchicalNSW('l2', dimensions);
    this.#index.initIndex(INITIAL_CAPACITY, LINKS_PER_NODE, EF_CONSTRUCTION, RANDOM_SEED);
    this.#index.setEf(EF_SEARCH);
    this.#scratch = new Array<number>(dimensions).fill(0);
    this.#maxMagnitude = MAX_DISTANCE / (2 * Math.sqrt(dimensions));
    this.#snapshotOptions = snapshots;
    this.#snapshotInterval = snapshots.interval ?? SNAPSHOT_INTERVAL;
  }

  get size(): number {
    return this.#size;
  }

  add(vector: Float32Array): void {
    if (this.#size === this.#capacity) {
      this.#capacity *= 2;
      this.#index.resizeIndex(this.#capacity);
    }
    this.#index.addPoint(this.#toArray(vector, 0), this.#size);
    this.#size++;
    if (this.#size % this.#snapshotInterval === 0) this.#snapshot();
  }

  nearest(values: Float32Array, offset = 0): number {
    if (this.#size === 0) return Number.POSITIVE_INFINITY;
    return this.#index.searchKnn(this.#toArray(values, offset), 1).distances[0];
  }

  nearestEntry(values: Float32Array, offset = 0): number {
    if (this.#size === 0) return -1;
    return this.#index.searchKnn(this.#toArray(values, offset), 1).neighbors[0];
  }

  exactNearest(vector: Float32Array): number {
    const query = this.#toArray(vector, 0);
    let nearest = Number.POSITIVE_INFINITY;
    for (let label = 0; label < this.#size; label++) {
      const stored = this.#index.getPoint(label);
      let distance = 0;
      for (let i = 0; i < query.length; i++) distance += (query[i] - stored[i]) ** 2;
      nearest = Math.min(nearest, distance);
    }
    return nearest;
  }

  /** Loads the newest intact snapshot of at most `size` vectors into an empty index. */
  loadPrefix(size: number): number {
    const { folder } = this.#snapshotOptions;
    if (folder === undefined) return 0;
    const interval = this.#snapshotInterval;
    for (let candidate = size - (size % interval); candidate > 0; candidate -= interval) {
      if (!isIntactSnapshot(snapshotFile(folder, candidate))) continue;
      this.#load(snapshotFile(folder, candidate), candidate);
      return candidate;
    }
    return 0;
  }

  #snapshot(): void {
    const { folder, isWriter = false } = this.#snapshotOptions;
    const shared = folder === undefined ? undefined : snapshotFile(folder, this.#size);
    if (shared !== undefined && isIntactSnapshot(shared)) {
      this.#load(shared, this.#size);
    } else if (folder !== undefined && shared !== undefined && isWriter) {
      mkdirSync(folder, { recursive: true });
      const unfinished = join(folder, `.tmp-${process.pid}.hnsw`);
      this.#index.writeIndexSync(unfinished);
      placeSnapshot(unfinished, shared);
      this.#load(shared, this.#size);
      for (const old of snapshotSizes(folder).slice(0, -MAX_SNAPSHOTS))
        removeSnapshot(snapshotFile(folder, old));
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

  #toArray(values: Float32Array, offset: number): number[] {
    const scratch = this.#scratch;
    const limit = this.#maxMagnitude;
    for (let i = 0; i < scratch.length; i++) {
      const value = values[offset + i];
      scratch[i] = value > limit ? limit : value < -limit ? -limit : value;
    }
    return scratch;
  }
}
