import { withRoomFor } from '../../core/growable-array.ts';
import type { LatentChange } from '../../inputs/testcase.ts';
import type { CorpusEntry } from './corpus-entry.ts';
import { IdIndex } from './id-index.ts';

const INITIAL_CAPACITY = 1024;

/** In place of an index: a seed's parent, or the reference of an entry that has none. */
const NONE = -1;

/** In place of an index: of an entry whose id is known and which was not in the corpus when its descendant was added. */
const ABSENT = -2;

/** Relatives of an entry, by the ids that its record has. */
type Relative = 'parent' | 'ancestor' | 'reference';

/**
 * What stays in memory of every entry, in columns of typed arrays: some 50 bytes. The rest is in the journal. Indices stand for
 * ids; ids of entries that the corpus lacks, as imported testcases name them, are kept as strings.
 */
export class EntryTable {
  readonly #ids = new IdIndex();
  #parents = new Int32Array(INITIAL_CAPACITY);
  #ancestors = new Int32Array(INITIAL_CAPACITY);
  #references = new Int32Array(INITIAL_CAPACITY);
  #generations = new Uint32Array(INITIAL_CAPACITY);
  #outcomes = new Int32Array(INITIAL_CAPACITY);
  /** Of entries whose latent vector moved. */
  readonly #latents = new Map<number, LatentChange>();
  /** Ids of relatives that are not those of the entries at their indices, by index. */
  readonly #otherIds = {
    parent: new Map<number, string>(),
    ancestor: new Map<number, string>(),
    reference: new Map<number, string>(),
  } satisfies Record<Relative, Map<number, string>>;

  get size(): number {
    return this.#ids.size;
  }

  indexOf(id: string): number | undefined {
    return this.#ids.indexOf(id);
  }

  /** Adds an entry at the next index. */
  add(entry: CorpusEntry): void {
    const index = this.#ids.size;
    this.#ids.add(entry.id);
    const { parent, ancestor, reference, ancestorIndex, referenceIndex } = entry;
    this.#parents = withRoomFor(this.#parents, index);
    this.#ancestors = withRoomFor(this.#ancestors, index);
    this.#references = withRoomFor(this.#references, index);
    this.#generations = withRoomFor(this.#generations, index);
    this.#outcomes = withRoomFor(this.#outcomes, index);
    this.#parents[index] = parent === null ? NONE : (this.#ids.indexOf(parent) ?? ABSENT);
    this.#ancestors[index] = ancestorIndex;
    this.#references[index] = reference === undefined ? NONE : referenceIndex;
    this.#generations[index] = entry.generation;
    this.#outcomes[index] = entry.outcome;
    if (entry.latent !== undefined) this.#latents.set(index, entry.latent);
    if (this.#parents[index] === ABSENT && parent !== null) this.#otherIds.parent.set(index, parent);
    if (ancestor !== this.#ids.idAt(ancestorIndex)) this.#otherIds.ancestor.set(index, ancestor);
    if (reference !== undefined && reference !== this.#ids.idAt(referenceIndex))
      this.#otherIds.reference.set(index, reference);
  }

  /** A view of an entry: ids are made where they are asked for. */
  at(index: number): CorpusEntry {
    return new TableEntry(this, index);
  }

  idAt(index: number): string {
    return this.#ids.idAt(index);
  }

  parentId(index: number): string | null {
    const parent = this.#parents[index];
    if (parent === NONE) return null;
    return this.#otherIds.parent.get(index) ?? this.#ids.idAt(parent);
  }

  ancestorId(index: number): string {
    return this.#otherIds.ancestor.get(index) ?? this.#ids.idAt(this.#ancestors[index]);
  }

  referenceId(index: number): string | undefined {
    const reference = this.#references[index];
    if (reference === NONE) return undefined;
    return this.#otherIds.reference.get(index) ?? this.#ids.idAt(reference);
  }

  ancestorIndex(index: number): number {
    return this.#ancestors[index];
  }

  referenceIndex(index: number): number {
    const reference = this.#references[index];
    return reference === NONE ? this.#ancestors[index] : reference;
  }

  generation(index: number): number {
    return this.#generations[index];
  }

  outcome(index: number): number {
    return this.#outcomes[index];
  }

  latent(index: number): LatentChange | undefined {
    return this.#latents.get(index);
  }
}

class TableEntry implements CorpusEntry {
  readonly #table: EntryTable;
  readonly #index: number;

  constructor(table: EntryTable, index: number) {
    this.#table = table;
    this.#index = index;
  }

  get id(): string {
    return this.#table.idAt(this.#index);
  }

  get parent(): string | null {
    return this.#table.parentId(this.#index);
  }

  get ancestor(): string {
    return this.#table.ancestorId(this.#index);
  }

  get reference(): string | undefined {
    return this.#table.referenceId(this.#index);
  }

  get ancestorIndex(): number {
    return this.#table.ancestorIndex(this.#index);
  }

  get referenceIndex(): number {
    return this.#table.referenceIndex(this.#index);
  }

  get generation(): number {
    return this.#table.generation(this.#index);
  }

  get outcome(): number {
    return this.#table.outcome(this.#index);
  }

  get latent(): LatentChange | undefined {
    return this.#table.latent(this.#index);
  }
}
