import { join } from 'node:path';
import { MAX_TEXT_BYTES, readText } from '../../core/read-bounded.ts';
import { listNights, NIGHT_SUMMARY_FILE, NIGHTS_FOLDER } from '../../nightly/generations.ts';
import { isLocked } from '../../storage/lock.ts';

/**
 * Signatures of the faults that the latest night reported as new. The baseline has them as known since that night ended.
 *
 * @param out the nightly folder
 * @param name of the campaign
 * @returns none while a night runs, which compares with the baseline itself
 */
export async function newInLatestNight(out: string, name: string): Promise<ReadonlySet<string>> {
  const latest = (await listNights(out)).at(-1);
  if (latest === undefined || (await isLocked(out))) return new Set();
  const path = join(out, NIGHTS_FOLDER, latest, NIGHT_SUMMARY_FILE);
  try {
    const { campaigns } = JSON.parse(readText(path, 'read', MAX_TEXT_BYTES)) as {
      readonly campaigns?: readonly {
        readonly name?: unknown;
        readonly faults?: readonly { readonly signature?: unknown; readonly state?: unknown }[];
      }[];
    };
    const faults = (campaigns ?? []).find((campaign) => campaign.name === name)?.faults ?? [];
    return new Set(faults.flatMap(({ signature, state }) => (state === 'new' ? [String(signature)] : [])));
  } catch {
    // A night that was killed has no summary.
    return new Set();
  }
}
