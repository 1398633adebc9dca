import { LruCache } from '../core/lru-cache.ts';
import { byteLengthOf, type TestcaseData } from '../inputs/testcase.ts';

/** Bytes of testcases in one worker's cache, and the least number of them; what one task needs stays in any case. */
const MAX_CACHE_BYTES = 64 << 20;
const MIN_CACHED_ENTRIES = 4;

/**
 * LRU cache of corpus entries by index. The main process mirrors each worker's cache to know which entries it need
 * not resend, so both sides must apply the same operations in the same order.
 */
export class EntryCache<T> {
  readonly #items: LruCache<number, T>;

  constructor(capacity: number) {
    this.#items = new LruCache(capacity);
  }

  /** A cache for as many entries of a testcase's size as fit in its memory. */
  static forTestcases<T>(testcase: TestcaseData): EntryCache<T> {
    const bytes = Math.max(1, byteLengthOf(testcase));
    return new EntryCache(Math.max(MIN_CACHED_ENTRIES, Math.floor(MAX_CACHE_BYTES / bytes)));
  }

  get(entry: number): T | undefined {
    return this.#items.peek(entry);
  }

  set(entry: number, item: T): void {
    this.#items.set(entry, item);
  }

  /** Marks the entries of one task as used, in order, then evicts down to the capacity, but none of them. */
  touch(entries: readonly number[]): void {
    for (const entry of entries) this.#items.get(entry);
    this.#items.evict(Math.max(this.#items.capacity, entries.length));
  }
}
