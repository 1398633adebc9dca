export interface LruCacheOptions<K, V> {
  /** Weight of one value, such as its bytes; 1 by default. */
  readonly weightOf?: (value: V) => number;
  /** Whether an item must stay, however long ago it was used. */
  readonly isPinned?: (key: K, value: V) => boolean;
}

/** Least-recently-used cache: evicts what was used longest ago once its items weigh more than its capacity. */
export class LruCache<K, V> {
  readonly capacity: number;
  readonly #weightOf: (value: V) => number;
  readonly #isPinned: (key: K, value: V) => boolean;
  /** Items in the order of their last use: a `Map` keeps the order of insertion. */
  readonly #items = new Map<K, V>();
  #weight = 0;

  /** @param capacity greatest weight of all items together; a number of items where each weighs 1 */
  constructor(capacity: number, { weightOf = () => 1, isPinned = () => false }: LruCacheOptions<K, V> = {}) {
    this.capacity = capacity;
    this.#weightOf = weightOf;
    this.#isPinned = isPinned;
  }

  /** Weight of all items together. */
  get weight(): number {
    return this.#weight;
  }

  keys(): IterableIterator<K> {
    return this.#items.keys();
  }

  values(): IterableIterator<V> {
    return this.#items.values();
  }

  has(key: K): boolean {
    return this.#items.has(key);
  }

  /** The item, without counting as a use of it. */
  peek(key: K): V | undefined {
    return this.#items.get(key);
  }

  /** The item, which is the most recently used one from now on. */
  get(key: K): V | undefined {
    const value = this.#items.get(key);
    if (value === undefined) return undefined;
    this.#items.delete(key);
    this.#items.set(key, value);
    return value;
  }

  /** Stores an item as the most recently used one. Evicts nothing: call `evict` once all that is needed is stored. */
  set(key: K, value: V): void {
    this.delete(key);
    this.#items.set(key, value);
    this.#weight += this.#weightOf(value);
  }

  delete(key: K): void {
    const value = this.#items.get(key);
    if (value === undefined) return;
    this.#items.delete(key);
    this.#weight -= this.#weightOf(value);
  }

  clear(): void {
    this.#items.clear();
    this.#weight = 0;
  }

  /**
   * Evicts the items used longest ago, pinned ones excepted.
   *
   * @param capacity weight that may stay
   * @returns the evicted items, oldest first
   */
  evict(capacity = this.capacity): V[] {
    const evicted: V[] = [];
    if (this.#weight <= capacity) return evicted;
    for (const [key, value] of this.#items) {
      if (this.#weight <= capacity) break;
      if (this.#isPinned(key, value)) continue;
      this.delete(key);
      evicted.push(value);
    }
    return evicted;
  }
}
