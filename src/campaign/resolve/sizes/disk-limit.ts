import { statfs } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

/** Share of the free disk that a campaign's folder may take where nothing else is asked for. */
const FREE_SHARE = 0.1;

/**
 * The size that a new campaign's folder may grow to by default, as the setting `maxDisk` has it: a tenth of what is free on
 * its disk.
 */
export async function defaultMaxDisk(folder: string): Promise<string> {
  const { bavail, bsize } = await statfs(await existingFolder(resolve(folder)));
  return `${Math.max(1, Math.floor((FREE_SHARE * bavail * bsize) / 1e6))}MB`;
}

/** The folder itself, or the nearest one above it that exists. */
async function existingFolder(folder: string): Promise<string> {
  try {
    await statfs(folder);
    return folder;
  } catch (error) {
    const parent = dirname(folder);
    if (parent === folder) throw error;
    return existingFolder(parent);
  }
}
