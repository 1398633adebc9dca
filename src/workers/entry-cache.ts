import { LruCache } from '../core/lru-cache.ts';
import type { CorpusEntryData } from '../fuzzer/scheduling/task.ts';
import { byteLengthOf, type TestcaseData } from '../inputs/testcase.ts';

/** Bytes of entries in one worker's cache, and the least number of them; what one task needs stays in any case. */
const MAX_CACHE_BYTES = 64 << 20;
const MIN_CACHED_ENTRIES = 4;

/** Bytes of the objects that hold an entry of one input, beside the values. */
const OBJECT_BYTES = 1024;

/** Bytes that an entry takes in a worker's cache. */
export function entryBytes({ data, activations }: Pick<CorpusEntryData, 'data' | 'activations'>): number {
  return byteLengthOf(data) + activations.byteLength + OBJECT_BYTES * data.inputs.length;
}

interface CachedItem<T> {
  readonly item: T;
  readonly bytes: number;
}

/**
 * LRU cache of corpus entries by index. The main process mirrors each worker's cache to know which entries it need
 * not resend, so both sides must apply the same operations in the same order.
 */
export class EntryCache<T> {
  readonly #items: LruCache<number, CachedItem<T>>;

  /** @param capacity bytes of entries */
  constructor(capacity: number) {
    this.#items = new LruCache(capacity, { weightOf: ({ bytes }) => bytes });
  }

  /** A cache for as many entries as fit in its memory, and for some of a testcase's size in any case. */
  static forTestcases<T>(data: TestcaseData): EntryCache<T> {
    const bytes = entryBytes({ data, activations: new Float32Array(0) });
    return new EntryCache(Math.max(MAX_CACHE_BYTES, MIN_CACHED_ENTRIES * bytes));
  }

  get(entry: number): T | undefined {
    return this.#items.peek(entry)?.item;
  }

  /** @param bytes that the entry takes in the worker's cache, on both sides */
  set(entry: number, item: T, bytes: number): void {
    this.#items.set(entry, { item, bytes });
  }

  /** Marks the entries of one task as used, in order, then evicts down to the capacity, but none of them. */
  touch(entries: readonly number[]): void {
    let needed = 0;
    for (const entry of entries) needed += this.#items.get(entry)?.bytes ?? 0;
    this.#items.evict(Math.max(this.#items.capacity, needed));
  }
}
