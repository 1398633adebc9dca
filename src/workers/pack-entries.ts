import { packTestcases } from '../fuzzer/packed-testcases.ts';
import type { CorpusEntryData } from '../fuzzer/scheduling/task.ts';
import type { PackedEntries } from './services/fuzz-service.ts';

/** Entries as they pass to whoever mutates them. */
export function packEntries(parcels: readonly CorpusEntryData[]): PackedEntries {
  return {
    ...packTestcases(parcels),
    entries: parcels.map(({ entryIndex }) => entryIndex),
    ancestors: parcels.map(({ ancestorIndex }) => ancestorIndex),
    references: parcels.map(({ referenceIndex }) => referenceIndex),
    ...(parcels.some(({ label }) => label !== undefined)
      ? { labels: parcels.map(({ label }) => label ?? -1) }
      : {}),
  };
}
