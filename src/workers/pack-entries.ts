import { bundled } from '../fuzzer/packed-testcases.ts';
import type { Parcel } from '../fuzzer/scheduling/task.ts';
import type { Parcels } from './services/fuzz-service.ts';

/** Entries as they pass to whoever mutates them. */
export function bundledParcels(parcels: readonly Parcel[]): Parcels {
  return {
    ...bundled(parcels),
    entries: parcels.map(({ entry }) => entry),
    ancestors: parcels.map(({ ancestor }) => ancestor),
    references: parcels.map(({ reference }) => reference),
    ...(parcels.some(({ label }) => label !== undefined)
      ? { labels: parcels.map(({ label }) => label ?? -1) }
      : {}),
  };
}
