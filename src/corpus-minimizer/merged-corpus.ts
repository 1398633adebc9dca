import type { CorpusEntryRecord } from '../fuzzer/corpus/corpus-entry.ts';
import type { SmallestMargin } from './distilled-record.ts';
import type { ReadOnlyCorpus } from './read-corpus-folder.ts';

/** An entry of one of the merged corpora. */
export interface MergedEntry {
  readonly record: CorpusEntryRecord;
  /** Folder of the corpus that it is read from. */
  readonly folder: string;
  /** Its observation: a view. */
  readonly vector: Float32Array;
}

/** The entries of several corpora, each id once and ancestors before their descendants. */
export class MergedCorpus {
  readonly sources: readonly ReadOnlyCorpus[];
  readonly entries: readonly MergedEntry[];
  readonly width: number;
  /** Ids of entries whose testcases turned out to be damaged. */
  readonly damagedIds = new Set<string>();
  readonly #indexById = new Map<string, number>();

  /** @param sources at least one, all of one model and coverage */
  constructor(sources: readonly ReadOnlyCorpus[]) {
    this.sources = sources;
    this.width = sources[0].width;
    const merged: MergedEntry[] = [];
    for (const isSeed of [true, false]) {
      for (const { folder, entries, activations } of sources) {
        entries.forEach((record, i) => {
          if ((record.parent === null) !== isSeed || this.#indexById.has(record.id)) return;
          const vector = activations.subarray(i * this.width, (i + 1) * this.width);
          this.#indexById.set(record.id, merged.push({ record, folder, vector }) - 1);
        });
      }
    }
    this.entries = merged;
  }

  /** Entries that are whole and whose ancestor and reference are, with the indices of those two. */
  usableEntries(): { readonly index: number; readonly rootIndices: readonly number[] }[] {
    return this.entries.flatMap(({ record: { id, ancestor, reference } }, index) => {
      if (this.damagedIds.has(id)) return [];
      const roots = [ancestor, ...(reference === undefined ? [] : [reference])].filter((root) => root !== id);
      const rootIndices = roots.flatMap((root) => this.#undamagedIndexOf(root) ?? []);
      return rootIndices.length === roots.length ? [{ index, rootIndices }] : [];
    });
  }

  /** By goal and subgoal, the testcase with the smallest margin out of those that are usable. */
  smallestMargins(isUsable: (index: number) => boolean): {
    readonly margins: Readonly<Record<string, SmallestMargin>>;
    /** Indices of those testcases. */
    readonly holders: ReadonlySet<number>;
  } {
    const margins: Record<string, SmallestMargin> = {};
    const indices = new Map<string, number>();
    for (const source of this.sources)
      for (const [goal, smallest] of source.margins) {
        const index = this.#undamagedIndexOf(smallest.id);
        if (index === undefined || !isUsable(index) || margins[goal]?.margin <= smallest.margin) continue;
        margins[goal] = smallest;
        indices.set(goal, index);
      }
    return { margins, holders: new Set(indices.values()) };
  }

  #undamagedIndexOf(id: string): number | undefined {
    return this.damagedIds.has(id) ? undefined : this.#indexById.get(id);
  }
}
