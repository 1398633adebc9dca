import { NO_CLASS } from '../inputs/class-label.ts';
import { type PackedTestcases, packTestcases, unpackTestcase } from './packed-testcases.ts';
import type { CorpusEntryData, EntryLatent } from './scheduling/task.ts';

/** Corpus entries as they pass to a process that mutates them. */
export interface PackedEntries extends PackedTestcases {
  readonly entries: readonly number[];
  readonly ancestors: readonly number[];
  readonly references: readonly number[];
  /** Classes of the ancestors, below 0 where unknown; absent without labels. */
  readonly labels?: readonly number[];
  /** Latent vectors that entries were decoded from, null for others; absent where none was. */
  readonly latents?: readonly (EntryLatent | null)[];
}

export function packEntries(entries: readonly CorpusEntryData[]): PackedEntries {
  return {
    ...packTestcases(entries),
    entries: entries.map(({ entryIndex }) => entryIndex),
    ancestors: entries.map(({ ancestorIndex }) => ancestorIndex),
    references: entries.map(({ referenceIndex }) => referenceIndex),
    ...(entries.some(({ label }) => label !== undefined)
      ? { labels: entries.map(({ label }) => label ?? NO_CLASS) }
      : {}),
    ...(entries.some(({ latent }) => latent !== undefined)
      ? { latents: entries.map(({ latent }) => latent ?? null) }
      : {}),
  };
}

/** One entry without its values and activations. */
export function entryMetadataAt(
  packed: PackedEntries,
  i: number,
): Omit<CorpusEntryData, 'data' | 'activations'> {
  const label = packed.labels?.[i];
  const latent = packed.latents?.[i] ?? undefined;
  return {
    entryIndex: packed.entries[i],
    ancestorIndex: packed.ancestors[i],
    referenceIndex: packed.references[i],
    ...(label === undefined ? {} : { label }),
    ...(latent === undefined ? {} : { latent }),
  };
}

/** One entry, its arrays copied. */
export function unpackEntry(packed: PackedEntries, i: number): CorpusEntryData {
  return { ...entryMetadataAt(packed, i), ...unpackTestcase(packed, i) };
}
