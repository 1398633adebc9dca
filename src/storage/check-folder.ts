import { mkdtemp, readdir, rmdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { UNFINISHED_PREFIX } from '../core/atomic-file.ts';
import { fileError, UserError } from '../core/errors.ts';
import { CAMPAIGN_FILE, EVENTS_FILE } from './campaign-store.ts';
import { STATE_FOLDER } from './journal.ts';

/** Files, and empty folders, that a campaign killed during its start may have left. */
const LEFTOVER_FILES = /^(lock(\.break)?|\.tmp-.*)$/;
const LEFTOVER_FOLDERS = /^(corpus|findings|state)$/;

/**
 * Checks that a folder can become a new campaign's folder, before anything is run or written.
 *
 * @param overwrite whether a campaign may be there, which is going to be renamed
 * @param isResumable whether the command can resume one
 * @throws UserError if the folder holds a campaign or other files, or is not writable
 */
export async function checkFolder(folder: string, overwrite = false, isResumable = true): Promise<void> {
  let entries: string[];
  try {
    entries = await readdir(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
      throw fileError(error, 'use the campaign folder', folder);
    await checkWritable(folder);
    return;
  }
  if (isCampaignFolder(entries)) {
    if (overwrite) return checkWritable(folder);
    throw new UserError(
      `${folder} already contains a campaign: ${isResumable ? 'resume it with --resume, ' : ''}choose another folder with --out, or start over with --overwrite, which renames the folder and deletes nothing`,
    );
  }
  for (const name of entries) {
    if (LEFTOVER_FILES.test(name)) continue;
    if (LEFTOVER_FOLDERS.test(name) && (await isEmptyFolder(join(folder, name)))) continue;
    throw new UserError(
      `${folder} is not empty and contains no campaign: choose another folder with --out${overwrite ? '; --overwrite renames campaigns only' : ''}`,
    );
  }
  await checkWritable(join(folder, 'x'));
}

/**
 * Whether a folder with these entries is a campaign's. `campaign.yaml` alone does not make it one: the file that `init` writes has that
 * name, and lies in the folder of a project.
 */
export function isCampaignFolder(entries: readonly string[]): boolean {
  return (
    entries.includes(CAMPAIGN_FILE) && [STATE_FOLDER, EVENTS_FILE].some((name) => entries.includes(name))
  );
}

async function isEmptyFolder(path: string): Promise<boolean> {
  return readdir(path).then(
    (names) => names.length === 0,
    () => false,
  );
}

/** Creates and removes a temporary folder in the nearest existing ancestor of `folder`. */
async function checkWritable(folder: string): Promise<void> {
  let parent = dirname(folder);
  for (;;) {
    try {
      if ((await stat(parent)).isDirectory()) break;
      throw new UserError(`cannot create the campaign folder ${folder}: ${parent} is a file, not a folder`);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
        if (error instanceof UserError) throw error;
        throw fileError(error, 'create the campaign folder', folder);
      }
      parent = dirname(parent);
    }
  }
  try {
    await rmdir(await mkdtemp(join(parent, UNFINISHED_PREFIX)));
  } catch (error) {
    throw fileError(error, 'create the campaign folder', folder);
  }
}
