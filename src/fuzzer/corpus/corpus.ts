import { readFileSync } from 'node:fs';
import { errorMessage, MachineError } from '../../core/errors.ts';
import { decodeTestcase, type Lineage, type TestcaseData } from '../../inputs/testcase.ts';
import type { InputSpec } from '../../model/model.ts';
import { testcasePath } from '../../storage/journal.ts';

/** A testcase worth mutating again. */
export interface CorpusEntry extends Lineage {
  readonly ancestorIndex: number;
  /** What DeepHunter's rule measures from. */
  readonly referenceIndex: number;
  /** Squared L2 distance to the nearest activations when it was added; null for a seed. */
  readonly novelty: number | null;
  readonly task: number;
  /** The site that it was kept for; absent where it was kept for its activations. */
  readonly site?: string;
  /** The class that the model puts it in; below 0 where it has none. */
  readonly outcome: number;
}

/** How many testcases there are, the user's seeds first. */
export interface CorpusSize {
  readonly count: number;
  readonly seeds: number;
}

/** Bytes of testcases that are held in memory. */
const MAX_CACHED_BYTES = 256 << 20;

/** Entries in order of arrival, with their activations, and their testcases in memory or on disk. */
export class Corpus {
  readonly #folder: string;
  readonly #inputs: readonly InputSpec[];
  readonly #maxCachedBytes: number;
  readonly #entries: CorpusEntry[] = [];
  readonly #indexById = new Map<string, number>();
  /** Entries that the scheduler picks among: those kept for their activations. */
  readonly #scheduled: number[] = [];
  /** Of each entry its place among those; below 0 for the others. */
  readonly #ranks: number[] = [];
  readonly #cached = new Map<number, TestcaseData>();
  #vectors = new Float32Array(1024);
  #width = 0;
  #seeds = 0;
  #cachedBytes = 0;

  /** @param inputs as testcases have them */
  constructor(folder: string, inputs: readonly InputSpec[], heldBytes = MAX_CACHED_BYTES) {
    this.#folder = folder;
    this.#inputs = inputs;
    this.#maxCachedBytes = heldBytes;
  }

  get size(): CorpusSize {
    return { count: this.#entries.length, seeds: this.#seeds };
  }

  /** The entries that the scheduler picks among. */
  get scheduled(): CorpusSize {
    return { count: this.#scheduled.length, seeds: this.#seeds };
  }

  /** Place of the one of a rank among them. */
  scheduledAt(rank: number): number {
    return this.#scheduled[rank];
  }

  /** Rank of an entry among them; undefined where it is none. */
  rankOf(place: number): number | undefined {
    const rank = this.#ranks[place];
    return rank < 0 ? undefined : rank;
  }

  /** Numbers in an entry's activations; 0 while there is none. */
  get width(): number {
    return this.#width;
  }

  has(id: string): boolean {
    return this.#indexById.has(id);
  }

  /** Place of an entry; undefined where there is none of this id. */
  indexOf(id: string): number | undefined {
    return this.#indexById.get(id);
  }

  at(place: number): CorpusEntry {
    return this.#entries[place];
  }

  add(entry: CorpusEntry, data: TestcaseData, activations: Float32Array): void {
    const place = this.#entries.length;
    this.#width = activations.length;
    const end = (place + 1) * this.#width;
    if (end > this.#vectors.length) {
      const larger = new Float32Array(2 * end);
      larger.set(this.#vectors);
      this.#vectors = larger;
    }
    this.#vectors.set(activations, place * this.#width);
    this.#entries.push(entry);
    this.#indexById.set(entry.id, place);
    this.#ranks.push(entry.site === undefined ? this.#scheduled.push(place) - 1 : -1);
    if (entry.parent === null) this.#seeds = place + 1;
    this.#addToCache(place, data);
  }

  /** Activations of entries `from` to `to`, one after the other. */
  activations(from: number, to: number): Float32Array {
    return this.#vectors.slice(from * this.#width, to * this.#width);
  }

  /** @throws MachineError where the testcase is on disk alone and can't be read back */
  data(place: number): TestcaseData {
    const held = this.#cached.get(place);
    if (held !== undefined) {
      this.#cached.delete(place);
      this.#cached.set(place, held);
      return held;
    }
    const path = testcasePath(this.#folder, this.#entries[place].id);
    try {
      const data = decodeTestcase(this.#inputs, readFileSync(path), path);
      this.#addToCache(place, data);
      return data;
    } catch (error) {
      throw new MachineError(
        `${path} can no longer be read (${errorMessage(error)}): --resume goes on without what is damaged`,
      );
    }
  }

  /** Lets go of the testcases that were not used for longest, out of the first `written`, which are on disk. */
  evict(written: number): void {
    for (const [place, data] of this.#cached) {
      if (this.#cachedBytes <= this.#maxCachedBytes) return;
      if (place >= written) continue;
      this.#cached.delete(place);
      this.#cachedBytes -= byteLengthOf(data);
    }
  }

  #addToCache(place: number, data: TestcaseData): void {
    this.#cached.set(place, data);
    this.#cachedBytes += byteLengthOf(data);
  }
}

function byteLengthOf(data: TestcaseData): number {
  return data.inputs.reduce((sum, { byteLength }) => sum + byteLength, 0);
}
