import { feedbackKind } from '../coverage/feedback/registry.ts';
import { loadTestcase, testcasePath } from '../storage/journal.ts';
import type { DistilledRecord } from './distilled-record.ts';
import { forEachConcurrently } from './for-each-concurrently.ts';
import type { MergedCorpus } from './merged-corpus.ts';

export interface SelectionOptions {
  /** Score, by the corpora's feedback, up to which a testcase is left out; the campaigns' own unless given. */
  readonly threshold?: number | undefined;
  /** Most testcases: the threshold then grows until they suffice. */
  readonly max?: number | undefined;
}

/** Entries that stand for all. */
export interface CorpusSelection {
  /** Indices in the merged corpus, ascending. */
  readonly indices: readonly number[];
  readonly threshold: number;
  readonly margins: DistilledRecord['margins'];
  readonly keptFor: DistilledRecord['keptFor'];
}

/**
 * Selects entries whose testcases are whole. Damaged ones are noted in the corpus, and the selection is made anew without
 * them: to read the files of all entries would take longer.
 *
 * @throws UserError where `max` is too few
 */
export async function selectUndamaged(
  merged: MergedCorpus,
  options: SelectionOptions,
): Promise<CorpusSelection> {
  for (;;) {
    const selection = selectEntries(merged, options);
    const damaged = await findDamaged(merged, selection.indices);
    if (damaged.length === 0) return selection;
    for (const id of damaged) merged.damagedIds.add(id);
  }
}

function selectEntries(merged: MergedCorpus, { threshold, max }: SelectionOptions): CorpusSelection {
  const usable = merged.usableEntries();
  const rankByIndex = new Map(usable.map(({ index }, rank) => [index, rank]));
  const ranksOf = (indices: Iterable<number>): number[] =>
    [...indices].flatMap((index) => rankByIndex.get(index) ?? []);
  const { margins, holders } = merged.smallestMargins((index) => rankByIndex.has(index));
  const required = ranksOf(holders);
  const rootsOf = usable.map(({ rootIndices }) => ranksOf(rootIndices));
  const vectors = new Float32Array(usable.length * merged.width);
  usable.forEach(({ index }, rank) => {
    vectors.set(merged.entries[index].vector, rank * merged.width);
  });
  const ownThreshold = merged.sources.reduce((largest, source) => Math.max(largest, source.threshold), 0);
  const { chosen, reach } = feedbackKind(merged.sources[0].feedback).minimize(
    { vectors, width: merged.width },
    {
      reach: threshold ?? ownThreshold,
      max,
      required,
      dependenciesOf: (rank) => rootsOf[rank],
    },
  );
  const isHolder = new Set(required);
  const isRoot = new Set(chosen.flatMap((rank) => rootsOf[rank]));
  const count = (matches: (rank: number) => boolean): number => chosen.filter(matches).length;
  return {
    indices: chosen.map((rank) => usable[rank].index),
    threshold: reach,
    margins,
    keptFor: {
      margins: count((rank) => isHolder.has(rank)),
      ancestors: count((rank) => !isHolder.has(rank) && isRoot.has(rank)),
      coverage: count((rank) => !isHolder.has(rank) && !isRoot.has(rank)),
    },
  };
}

/** Ids of the selected entries whose testcases can't be read. */
async function findDamaged(merged: MergedCorpus, indices: readonly number[]): Promise<string[]> {
  const [{ inputs }] = merged.sources;
  const damaged: string[] = [];
  await forEachConcurrently(indices, async (index) => {
    const { record, folder, fileCrc32 } = merged.entries[index];
    const testcase = await loadTestcase(testcasePath(folder, record.id), inputs, record.id);
    const isWhole =
      typeof testcase !== 'string' && (fileCrc32 === undefined || fileCrc32 === testcase.fileCrc32);
    if (isWhole) merged.fileCrc32s.set(record.id, testcase.fileCrc32);
    else damaged.push(record.id);
  });
  return damaged;
}
