import { needsAncestor } from '../../constraints/constraint-limits.ts';
import { MachineError } from '../../core/errors.ts';
import { LruCache } from '../../core/lru-cache.ts';
import type { CorpusSource } from '../../fuzzer/executor.ts';
import { entryMetadataAt, type PackedEntries } from '../../fuzzer/packed-entries.ts';
import { activationsAt, unpackTestcase } from '../../fuzzer/packed-testcases.ts';
import { requiredEntries } from '../../fuzzer/required-entries.ts';
import type { CorpusEntryData, Task } from '../../fuzzer/scheduling/task.ts';
import { byteLengthOf, type TestcaseData } from '../../inputs/testcase.ts';
import { VectorList } from '../../tensor/vector-list.ts';
import type { WorkerSetup } from '../../workers/worker-setup.ts';
import { NotYetAvailableError } from '../errors.ts';
import { unpackMessage } from '../protocol/codec.ts';
import { checkCorpusPart } from '../protocol/messages.ts';
import type { RedisSession } from '../protocol/session.ts';

/** A corpus entry without its values. */
interface RemoteEntry extends Omit<CorpusEntryData, 'data' | 'activations'> {
  /** The part that contains it, identified by its first entry. */
  readonly part: number;
}

/**
 * A campaign's corpus on a worker node, downloaded from Redis on demand. Activations and lineage of all entries are kept; their
 * values are an LRU cache of limited size, from which evicted entries are downloaded again when they are needed.
 */
export class RemoteCorpus implements CorpusSource {
  readonly width: number;
  readonly #session: RedisSession;
  readonly #needsAncestors: boolean;
  readonly #entries: RemoteEntry[] = [];
  readonly #vectors = new VectorList();
  /** Values by entry index, as many bytes of them as may be cached. */
  readonly #valuesByEntry: LruCache<number, TestcaseData>;
  /** Number of tasks that hold an entry; held entries are not evicted. */
  readonly #holdCounts = new Map<number, number>();
  #lastFetch: Promise<void> = Promise.resolve();

  /** @param maxBytes size of the cached values in bytes; values held by tasks may exceed it */
  constructor(
    session: RedisSession,
    width: number,
    { limits, descriptors, hasSeedAccounts }: Pick<WorkerSetup, 'limits' | 'descriptors' | 'hasSeedAccounts'>,
    maxBytes: number,
  ) {
    this.#session = session;
    this.width = width;
    this.#needsAncestors = hasSeedAccounts === true || needsAncestor(limits, descriptors);
    this.#valuesByEntry = new LruCache(maxBytes, {
      weightOf: byteLengthOf,
      isPinned: (entry) => this.#holdCounts.has(entry),
    });
  }

  /** Size in bytes of the values in memory. */
  get bytes(): number {
    return this.#valuesByEntry.weight;
  }

  /**
   * Downloads the first `count` entries as far as they are not known yet.
   *
   * @throws NotYetAvailableError if they are not in Redis
   */
  ensureEntries(count: number): Promise<void> {
    // Downloads for concurrent shards are serialized.
    const fetch = this.#lastFetch.then(() => this.#fetchEntries(count));
    this.#lastFetch = fetch.catch(() => {});
    return fetch;
  }

  /**
   * Downloads the values that a task needs and protects them from eviction.
   *
   * @returns a function that releases them
   * @throws NotYetAvailableError if they are not in Redis
   */
  async holdValues(task: Pick<Task, 'parents' | 'partners'>): Promise<() => void> {
    const required = this.requiredEntries(task);
    for (const entry of required) this.#holdCounts.set(entry, (this.#holdCounts.get(entry) ?? 0) + 1);
    const release = (): void => {
      for (const entry of required) {
        const holdCount = (this.#holdCounts.get(entry) ?? 1) - 1;
        if (holdCount === 0) this.#holdCounts.delete(entry);
        else this.#holdCounts.set(entry, holdCount);
      }
      this.#valuesByEntry.evict();
    };
    try {
      const parts = new Set<number>();
      for (const entry of required)
        if (this.#valuesByEntry.get(entry) === undefined) parts.add(this.#entryAt(entry).part);
      for (const part of parts) this.#cacheValues(await this.#fetchPart(part), part);
    } catch (error) {
      release();
      throw error;
    }
    return release;
  }

  entryData(entry: number): CorpusEntryData {
    const data = this.#valuesByEntry.peek(entry);
    if (data === undefined) throw new Error(`the values of entry ${entry} are not here`);
    const { part: _part, ...lineage } = this.#entryAt(entry);
    return { ...lineage, data, activations: this.vectors(entry, entry + 1) };
  }

  requiredEntries(task: Pick<Task, 'parents' | 'partners'>): number[] {
    return requiredEntries(task, this.#needsAncestors, (entry) => this.#entryAt(entry));
  }

  vectors(from: number, to: number): Float32Array {
    return this.#vectors.slice(from, to);
  }

  #entryAt(entry: number): RemoteEntry {
    const found = this.#entries[entry];
    if (found === undefined) throw new Error(`entry ${entry} is not here`);
    return found;
  }

  async #fetchEntries(count: number): Promise<void> {
    while (this.#entries.length < count) {
      const part = this.#entries.length;
      const packed = await this.#fetchPart(part);
      for (let i = 0; i < packed.count; i++) {
        this.#entries.push({ ...entryMetadataAt(packed, i), part });
        this.#vectors.append(activationsAt(packed, i));
      }
      this.#cacheValues(packed, part);
    }
  }

  /** Downloads a part of the corpus. @throws NotYetAvailableError if it is not in Redis, MachineError if its entries are wrong */
  async #fetchPart(part: number): Promise<PackedEntries> {
    const { redis, keys, session } = this.#session;
    const bytes = await redis.hgetBuffer(keys.entries(session), String(part));
    if (bytes === null) throw new NotYetAvailableError('the corpus');
    const { from, packedEntries } = checkCorpusPart(unpackMessage(bytes));
    const isWhole =
      from === part &&
      packedEntries.count > 0 &&
      packedEntries.entries.every((entry, i) => entry === part + i);
    if (!isWhole) throw new MachineError('the corpus on the queue has a gap');
    return packedEntries;
  }

  /** Caches the values of a part's entries as far as they fit; held ones always. */
  #cacheValues(packed: PackedEntries, part: number): void {
    for (let i = 0; i < packed.count; i++) {
      if (this.#valuesByEntry.has(part + i)) continue;
      const isFull = this.#valuesByEntry.weight > this.#valuesByEntry.capacity;
      if (isFull && !this.#holdCounts.has(part + i)) continue;
      this.#valuesByEntry.set(part + i, unpackTestcase(packed, i).data);
    }
    this.#valuesByEntry.evict();
  }
}
