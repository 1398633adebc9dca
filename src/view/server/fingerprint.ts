import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { NIGHTS_FOLDER } from '../../nightly/generations.ts';
import { CAMPAIGN_FILE, EVENTS_FILE, STATISTICS_FILE } from '../../storage/campaign-store.ts';
import { listSignatureFolders } from '../../storage/finding.ts';
import { isLocked } from '../../storage/lock.ts';
import type { CampaignSource } from './sources.ts';

/** What changes with the files that the status of a campaign is read from: their times and sizes. */
export async function fingerprint({ folder, against, nightly }: CampaignSource): Promise<string> {
  const signatures = await listSignatureFolders(folder);
  const paths = [
    ...[CAMPAIGN_FILE, EVENTS_FILE, STATISTICS_FILE].map((name) => join(folder, name)),
    ...signatures.map((name) => join(folder, 'findings', name)),
    against,
    ...(nightly === undefined ? [] : [join(nightly, NIGHTS_FOLDER)]),
  ];
  const parts = await Promise.all(paths.map(timeAndSize));
  const nights = nightly === undefined ? [] : await readdir(join(nightly, NIGHTS_FOLDER)).catch(() => []);
  const locks = [await isLocked(folder), nightly !== undefined && (await isLocked(nightly))];
  return [folder, ...parts, ...nights, ...locks].join('\n');
}

async function timeAndSize(path: string): Promise<string> {
  const stats = await stat(path).catch(() => undefined);
  return stats === undefined ? path : `${path} ${stats.mtimeMs} ${stats.size} ${stats.ino}`;
}
