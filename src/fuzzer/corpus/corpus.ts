import { MachineError } from '../../core/errors.ts';
import { withRoomFor } from '../../core/growable-array.ts';
import { LruCache } from '../../core/lru-cache.ts';
import { byteLengthOf, type TestcaseData } from '../../inputs/testcase.ts';
import type { CorpusSize } from '../../schedulers/scheduler.ts';
import type { CorpusEntry, CorpusEntryRecord } from './corpus-entry.ts';
import { EntryTable } from './entry-table.ts';
import { RecentVectors } from './recent-vectors.ts';

/** Reads back what was dropped from memory. */
export interface TestcaseLoader {
  /** @throws MachineError if the testcase can no longer be read */
  load(id: string): TestcaseData;
  /**
   * Activations of the entries from index `from` up to `to`, `[to - from, width]`.
   *
   * @throws MachineError if they can no longer be read
   */
  loadActivations(from: number, to: number, width: number): Float32Array;
}

/** Bytes of testcases that are kept in memory, with those of the objects that hold them. */
const MAX_CACHED_BYTES = 128 << 20;

/** Bytes of the objects that hold a testcase of one input, beside its values. */
const OBJECT_BYTES = 512;

/** Bytes of activations on disk that are kept in memory as well: workers ask for the newest. */
const MAX_WRITTEN_VECTOR_BYTES = 8 << 20;

const INITIAL_CAPACITY = 1024;

/**
 * The entries in order of arrival. Of each a few numbers stay in memory; testcases are in an LRU cache bounded by bytes, and
 * activations stay until they are on disk. What was dropped comes back from the loader.
 */
export class Corpus {
  readonly #loader: TestcaseLoader;
  readonly #table = new EntryTable();
  /** Indices of the entries that the scheduler picks among: those admitted for their activations. */
  #scheduled = new Int32Array(INITIAL_CAPACITY);
  #scheduledCount = 0;
  /** Rank of each entry among the scheduled ones; negative for the others. */
  #ranks = new Int32Array(INITIAL_CAPACITY);
  readonly #cached: LruCache<number, TestcaseData>;
  readonly #vectors = new RecentVectors();
  readonly #maxWrittenVectorBytes: number;
  /** Keys of the shapes that occur, and of each entry the index of its own. */
  readonly #keys: string[] = [];
  readonly #keyIndices = new Map<string, number>();
  #shapes = new Uint32Array(INITIAL_CAPACITY);
  /** Of each entry the checksum of its activations, which are read back from a file that may be damaged by then. */
  #checksums = new Uint32Array(INITIAL_CAPACITY);
  #seeds = 0;
  /** Entries that the loader can read back: the first so many. */
  #written = 0;

  /**
   * @param maxCachedBytes of testcases
   * @param maxWrittenVectorBytes of activations that are on disk
   */
  constructor(
    loader: TestcaseLoader,
    maxCachedBytes = MAX_CACHED_BYTES,
    maxWrittenVectorBytes = MAX_WRITTEN_VECTOR_BYTES,
  ) {
    this.#loader = loader;
    this.#maxWrittenVectorBytes = maxWrittenVectorBytes;
    this.#cached = new LruCache(maxCachedBytes, {
      weightOf: (data) => byteLengthOf(data) + OBJECT_BYTES * data.inputs.length,
      isPinned: (entryIndex) => entryIndex >= this.#written,
    });
  }

  get size(): CorpusSize {
    return { count: this.#table.size, seeds: this.#seeds };
  }

  /** Number of entries that the scheduler picks among. */
  get scheduled(): CorpusSize {
    return { count: this.#scheduledCount, seeds: this.#seeds };
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
    return this.#table.indexOf(id) !== undefined;
  }

  /** Index of the entry with an id; undefined if there is none. */
  indexOf(id: string): number | undefined {
    return this.#table.indexOf(id);
  }

  /** A view of an entry. */
  at(entryIndex: number): CorpusEntry {
    return this.#table.at(entryIndex);
  }

  /** @param entry the scheduler picks it unless it has a `site`: then it was admitted for a goal alone */
  add(
    entry: CorpusEntry & Pick<CorpusEntryRecord, 'site'>,
    data: TestcaseData,
    activations: Float32Array,
  ): void {
    const entryIndex = this.#table.size;
    this.#vectors.append(activations);
    this.#table.add(entry);
    this.#ranks = withRoomFor(this.#ranks, entryIndex);
    this.#ranks[entryIndex] = entry.site === undefined ? this.#schedule(entryIndex) : -1;
    if (entry.parent === null) this.#seeds = entryIndex + 1;
    this.#cached.set(entryIndex, data);
    this.#shapes = withRoomFor(this.#shapes, entryIndex);
    this.#shapes[entryIndex] = this.#keyIndex(data.form.key);
    this.#checksums = withRoomFor(this.#checksums, entryIndex);
    this.#checksums[entryIndex] = checksumOf(activations);
  }

  #schedule(entryIndex: number): number {
    const rank = this.#scheduledCount++;
    this.#scheduled = withRoomFor(this.#scheduled, rank);
    this.#scheduled[rank] = entryIndex;
    return rank;
  }

  #keyIndex(key: string): number {
    const known = this.#keyIndices.get(key);
    if (known !== undefined) return known;
    const index = this.#keys.push(key) - 1;
    this.#keyIndices.set(key, index);
    return index;
  }

  /** Key of an entry's shapes (`ShapeSignature.key`). Does not read its testcase. */
  shapeKey(entryIndex: number): string {
    return this.#keys[this.#shapes[entryIndex]];
  }

  /**
   * Activations of the entries from index `from` up to `to`, `[to - from, width]`; a copy.
   *
   * @throws MachineError if some were dropped from memory and can't be read back as they were
   */
  activations(from: number, to: number): Float32Array {
    const { first, width } = this.#vectors;
    if (from >= first || from >= to) return this.#vectors.slice(Math.max(from, first), Math.max(to, first));
    const older = this.#reloadActivations(from, Math.min(to, first));
    if (to <= first) return older;
    const all = new Float32Array((to - from) * width);
    all.set(older);
    all.set(this.#vectors.slice(first, to), older.length);
    return all;
  }

  #reloadActivations(from: number, to: number): Float32Array {
    const { width } = this;
    const vectors = this.#loader.loadActivations(from, to, width);
    for (let i = from; i < to; i++)
      if (checksumOf(vectors.subarray((i - from) * width, (i - from + 1) * width)) !== this.#checksums[i])
        throw new MachineError(
          `the stored activations of testcase ${this.#table.idAt(i)} are damaged: --resume continues without it`,
        );
    return vectors;
  }

  /** @throws MachineError if the testcase was evicted and can't be read back */
  data(entryIndex: number): TestcaseData {
    const cached = this.#cached.get(entryIndex);
    if (cached !== undefined) return cached;
    const data = this.#loader.load(this.#table.idAt(entryIndex));
    this.#cached.set(entryIndex, data);
    return data;
  }

  /** Drops from memory what is used least among the first `written` entries, which the loader can read back. */
  evict(written: number): void {
    this.#written = written;
    this.#cached.evict();
    this.#vectors.dropBefore(written, this.#maxWrittenVectorBytes);
  }
}

/** FNV-1a over words of 32 bits: whatever changes in one word changes the sum. */
function checksumOf(vector: Float32Array): number {
  const words = new Uint32Array(vector.buffer, vector.byteOffset, vector.length);
  let sum = 0x811c9dc5;
  for (const word of words) sum = Math.imul(sum ^ word, 0x01000193);
  return sum >>> 0;
}
