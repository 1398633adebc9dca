/**
 * What was used last, by entry number. A worker keeps testcases on one, and the campaign keeps one like it
 * for each worker, so that it knows what need not be sent again: both make the same moves.
 */
export class LruCache<T> {
  readonly #capacity: number;
  readonly #items = new Map<number, T>();

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get(entry: number): T | undefined {
    return this.#items.get(entry);
  }

  set(entry: number, item: T): void {
    this.#items.set(entry, item);
  }

  /** Marks entries as used, in order, then takes away what was not used for longest. */
  touch(entries: readonly number[]): void {
    for (const entry of entries) {
      const item = this.#items.get(entry);
      if (item === undefined) continue;
      this.#items.delete(entry);
      this.#items.set(entry, item);
    }
    // What one task needs stays, however little room there is.
    const room = Math.max(this.#capacity, entries.length);
    for (const oldest of this.#items.keys()) {
      if (this.#items.size <= room) break;
      this.#items.delete(oldest);
    }
  }
}

/** Bytes of testcases on one shelf. */
const MAX_CACHE_BYTES = 64 << 20;

/** Testcases that a shelf holds. */
export function entryCapacity(bytesPerTestcase: number): number {
  return Math.max(64, Math.floor(MAX_CACHE_BYTES / Math.max(1, bytesPerTestcase)));
}
