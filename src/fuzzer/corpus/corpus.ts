import { LruCache } from '../../core/lru-cache.ts';
import { byteLengthOf, type TestcaseData } from '../../inputs/testcase.ts';
import type { CorpusSize } from '../../schedulers/scheduler.ts';
import { VectorList } from '../../tensor/vector-list.ts';
import type { CorpusEntry } from './corpus-entry.ts';

/** Reads testcases back that were evicted from memory. */
export interface TestcaseLoader {
  /** @throws MachineError if the testcase can no longer be read */
  load(id: string): TestcaseData;
}

/** Bytes of testcases that are kept in memory. */
const MAX_CACHED_BYTES = 128 << 20;

/**
 * The entries in order of arrival with their activations. Testcases are in an LRU cache bounded by bytes; those that are
 * evicted come back from the loader.
 */
export class Corpus {
  readonly #loader: TestcaseLoader;
  readonly #entries: CorpusEntry[] = [];
  readonly #indexById = new Map<string, number>();
  /** Indices of the entries that the scheduler picks among: those admitted for their activations. */
  readonly #scheduled: number[] = [];
  /** Rank of each entry among the scheduled ones; negative for the others. */
  readonly #ranks: number[] = [];
  readonly #cached: LruCache<number, TestcaseData>;
  readonly #vectors = new VectorList();
  /** Of each entry the key of its shapes. Entries of one shape share the string. */
  readonly #shapeKeys: string[] = [];
  readonly #sharedKeys = new Map<string, string>();
  #seeds = 0;
  /** Entries that the loader can read back: the first so many. */
  #written = 0;

  constructor(loader: TestcaseLoader, maxCachedBytes = MAX_CACHED_BYTES) {
    this.#loader = loader;
    this.#cached = new LruCache(maxCachedBytes, {
      weightOf: byteLengthOf,
      isPinned: (entryIndex) => entryIndex >= this.#written,
    });
  }

  get size(): CorpusSize {
    return { count: this.#entries.length, seeds: this.#seeds };
  }

  /** Number of entries that the scheduler picks among. */
  get scheduled(): CorpusSize {
    return { count: this.#scheduled.length, seeds: this.#seeds };
  }

  /** Index of the scheduled entry of a rank. */
  scheduledAt(rank: number): number {
    return this.#scheduled[rank];
  }

  /** Rank of an entry among the scheduled ones; undefined if it is not scheduled. */
  rankOf(entryIndex: number): number | undefined {
    const rank = this.#ranks[entryIndex];
    return rank < 0 ? undefined : rank;
  }

  /** Length of an entry's activation vector; 0 while the corpus is empty. */
  get width(): number {
    return this.#vectors.width;
  }

  has(id: string): boolean {
    return this.#indexById.has(id);
  }

  /** Index of the entry with an id; undefined if there is none. */
  indexOf(id: string): number | undefined {
    return this.#indexById.get(id);
  }

  at(entryIndex: number): CorpusEntry {
    return this.#entries[entryIndex];
  }

  add(entry: CorpusEntry, data: TestcaseData, activations: Float32Array): void {
    const entryIndex = this.#entries.length;
    this.#vectors.append(activations);
    this.#entries.push(entry);
    this.#indexById.set(entry.id, entryIndex);
    this.#ranks.push(entry.site === undefined ? this.#scheduled.push(entryIndex) - 1 : -1);
    if (entry.parent === null) this.#seeds = entryIndex + 1;
    this.#cached.set(entryIndex, data);
    const { key } = data.form;
    if (!this.#sharedKeys.has(key)) this.#sharedKeys.set(key, key);
    this.#shapeKeys.push(this.#sharedKeys.get(key) ?? key);
  }

  /** Key of an entry's shapes (`ShapeSignature.key`). Does not read its testcase. */
  shapeKey(entryIndex: number): string {
    return this.#shapeKeys[entryIndex];
  }

  /** Activations of the entries from index `from` up to `to`, `[to - from, width]`; a copy. */
  activations(from: number, to: number): Float32Array {
    return this.#vectors.slice(from, to);
  }

  /** @throws MachineError if the testcase was evicted and can't be read back */
  data(entryIndex: number): TestcaseData {
    const cached = this.#cached.get(entryIndex);
    if (cached !== undefined) return cached;
    const data = this.#loader.load(this.#entries[entryIndex].id);
    this.#cached.set(entryIndex, data);
    return data;
  }

  /** Evicts the least recently used testcases among the first `written` entries, which the loader can read back. */
  evict(written: number): void {
    this.#written = written;
    this.#cached.evict();
  }
}
