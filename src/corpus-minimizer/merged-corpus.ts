import type { SmallestMargin } from './distilled-record.ts';
import type { CorpusLine, ReadOnlyCorpus } from './read-corpus-folder.ts';

/** An entry of one of the merged corpora. */
export interface MergedEntry extends CorpusLine {
  /** Folder of the corpus that it is read from. */
  readonly folder: string;
}

/** The entries of several corpora, each id once and ancestors before their descendants. */
export class MergedCorpus {
  readonly sources: readonly ReadOnlyCorpus[];
  readonly entries: readonly MergedEntry[];
  readonly width: number;
  /** Ids of entries whose testcases turned out to be damaged. */
  readonly damagedIds = new Set<string>();
  /** CRC-32 of the files of testcases that are whole, by their ids. */
  readonly fileCrc32s = new Map<string, string>();
  readonly #indexById = new Map<string, number>();

  /** @param sources at least one, all of one model and coverage */
  constructor(sources: readonly ReadOnlyCorpus[]) {
    this.sources = sources;
    this.width = sources[0].width;
    const merged: MergedEntry[] = [];
    for (const isSeed of [true, false]) {
      for (const { folder, entries } of sources)
        for (const line of entries) {
          const { id, parent } = line.record;
          if ((parent === null) !== isSeed || this.#indexById.has(id)) continue;
          this.#indexById.set(id, merged.push({ ...line, folder }) - 1);
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
