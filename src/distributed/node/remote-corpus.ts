import { needsAncestor } from '../../constraints/options.ts';
import { MachineError } from '../../core/errors.ts';
import { LruCache } from '../../core/lru-cache.ts';
import type { CorpusSource } from '../../fuzzer/executor.ts';
import { entryMetadataAt, type PackedEntries } from '../../fuzzer/packed-entries.ts';
import { activationsAt, unpackTestcase } from '../../fuzzer/packed-testcases.ts';
import type { CorpusEntryData, Task } from '../../fuzzer/scheduling/task.ts';
import type { TestcaseData } from '../../inputs/testcase.ts';
import type { WorkerSetup } from '../../workers/worker-setup.ts';
import { NotYetAvailableError } from '../errors.ts';
import { unpackMessage } from '../protocol/codec.ts';
import { checkCorpusPart } from '../protocol/messages.ts';
import type { RedisSession } from '../protocol/session.ts';

/** An entry without its values. */
interface RemoteEntry extends Omit<CorpusEntryData, 'data' | 'activations'> {
  /** The part that it came in: the first entry of that. */
  readonly part: number;
}

/**
 * A campaign's corpus as a machine far off has it: what it lacks comes over the queue. Activations and ancestry of all entries are kept;
 * of their values as many bytes as it may, those used longest ago go first and are fetched again where they are needed.
 */
export class RemoteCorpus implements CorpusSource {
  readonly width: number;
  readonly #session: RedisSession;
  readonly #needsAncestors: boolean;
  readonly #entries: RemoteEntry[] = [];
  #vectors = new Float32Array(1024);
  /** Values by entry, as many bytes of them as may be kept. */
  readonly #valuesByEntry: LruCache<number, TestcaseData>;
  /** How many tasks hold an entry. */
  readonly #holdCounts = new Map<number, number>();
  #lastFetch: Promise<void> = Promise.resolve();

  /** @param most bytes of values that are kept beside those that tasks hold */
  constructor(
    place: RedisSession,
    width: number,
    { limits, descriptors }: Pick<WorkerSetup, 'limits' | 'descriptors'>,
    most: number,
  ) {
    this.#session = place;
    this.width = width;
    this.#needsAncestors = needsAncestor(limits, descriptors);
    this.#valuesByEntry = new LruCache(most, {
      weightOf: valueBytes,
      isPinned: (entry) => this.#holdCounts.has(entry),
    });
  }

  /** Bytes of values that are here. */
  get bytes(): number {
    return this.#valuesByEntry.weight;
  }

  /**
   * Sees to it that the first `count` entries are known.
   *
   * @throws MachineError where they are not on the queue
   */
  ensureEntries(count: number): Promise<void> {
    // Shards that are worked on at the same time ask one after the other.
    const asked = this.#lastFetch.then(() => this.#fetchEntries(count));
    this.#lastFetch = asked.catch(() => {});
    return asked;
  }

  /**
   * Sees to it that the values are here that a task needs, until it lets go of them.
   *
   * @throws MachineError where they are not on the queue
   */
  async holdValues(task: Pick<Task, 'parents' | 'partners'>): Promise<() => void> {
    const needs = this.requiredEntries(task);
    for (const entry of needs) this.#holdCounts.set(entry, (this.#holdCounts.get(entry) ?? 0) + 1);
    const letGo = (): void => {
      for (const entry of needs) {
        const left = (this.#holdCounts.get(entry) ?? 1) - 1;
        if (left === 0) this.#holdCounts.delete(entry);
        else this.#holdCounts.set(entry, left);
      }
      this.#valuesByEntry.evict();
    };
    try {
      const parts = new Set<number>();
      for (const entry of needs)
        if (this.#valuesByEntry.get(entry) === undefined) parts.add(this.#entryAt(entry).part);
      for (const part of parts) this.#cacheValues(await this.#fetchPart(part), part);
    } catch (error) {
      letGo();
      throw error;
    }
    return letGo;
  }

  entryData(entry: number): CorpusEntryData {
    const data = this.#valuesByEntry.peek(entry);
    if (data === undefined) throw new Error(`the values of entry ${entry} are not here`);
    const { part: _, ...known } = this.#entryAt(entry);
    return { ...known, data, activations: this.vectors(entry, entry + 1) };
  }

  requiredEntries({ parents, partners }: Pick<Task, 'parents' | 'partners'>): number[] {
    const needs = new Set(parents);
    for (const mate of partners) if (mate >= 0) needs.add(mate);
    if (!this.#needsAncestors) return [...needs];
    for (const entry of parents) {
      const { ancestorIndex, referenceIndex } = this.#entryAt(entry);
      needs.add(ancestorIndex).add(referenceIndex);
    }
    return [...needs];
  }

  vectors(from: number, to: number): Float32Array {
    return this.#vectors.slice(from * this.width, to * this.width);
  }

  #entryAt(entry: number): RemoteEntry {
    const found = this.#entries[entry];
    if (found === undefined) throw new Error(`entry ${entry} is not here`);
    return found;
  }

  async #fetchEntries(count: number): Promise<void> {
    while (this.#entries.length < count) {
      const part = this.#entries.length;
      const parcels = await this.#fetchPart(part);
      for (let i = 0; i < parcels.count; i++) {
        this.#entries.push({ ...entryMetadataAt(parcels, i), part });
        this.#appendVector(activationsAt(parcels, i));
      }
      this.#cacheValues(parcels, part);
    }
  }

  /** A part of the corpus. @throws MachineError where it is not on the queue or is not what it should be */
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

  /** Keeps the values of a part's entries as far as there is room, those that are held before all. */
  #cacheValues(parcels: PackedEntries, part: number): void {
    for (let i = 0; i < parcels.count; i++) {
      if (this.#valuesByEntry.has(part + i)) continue;
      const isFull = this.#valuesByEntry.weight > this.#valuesByEntry.capacity;
      if (isFull && !this.#holdCounts.has(part + i)) continue;
      const { data } = unpackTestcase(parcels, i);
      this.#valuesByEntry.set(part + i, data);
    }
    this.#valuesByEntry.evict();
  }

  #appendVector(vector: Float32Array): void {
    const end = this.#entries.length * this.width;
    if (end > this.#vectors.length) {
      const larger = new Float32Array(2 * end);
      larger.set(this.#vectors);
      this.#vectors = larger;
    }
    this.#vectors.set(vector, end - this.width);
  }
}

function valueBytes({ inputs }: TestcaseData): number {
  return inputs.reduce((sum, { byteLength }) => sum + byteLength, 0);
}
