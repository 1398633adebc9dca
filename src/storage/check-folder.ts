import { mkdtemp, readdir, rmdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { UNFINISHED_PREFIX } from '../core/atomic-file.ts';
import { fileError, UserError } from '../core/errors.ts';
import { CAMPAIGN_FILE } from './campaign-store.ts';

/** Files, and empty folders, that a campaign killed during its start may have left. */
const LEFTOVER_FILES = /^(lock(\.break)?|\.tmp-.*)$/;
const LEFTOVER_FOLDERS = /^(corpus|findings|state)$/;

/**
 * Checks that a folder can become a new campaign's folder, before anything is run or written.
 *
 * @throws UserError if the folder holds a campaign or other files, or is not writable
 */
export async function checkFolder(folder: string): Promise<void> {
  let entries: string[];
  try {
    entries = await readdir(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
      throw fileError(error, 'use the campaign folder', folder);
    await checkWritable(folder);
    return;
  }
  if (entries.includes(CAMPAIGN_FILE)) {
    throw new UserError(
      `${folder} holds another campaign: go on with it by --resume, or choose another folder with --out`,
    );
  }
  for (const name of entries) {
    if (LEFTOVER_FILES.test(name)) continue;
    if (LEFTOVER_FOLDERS.test(name) && (await isEmptyFolder(join(folder, name)))) continue;
    throw new UserError(`${folder} is not empty: choose another folder with --out`);
  }
  await checkWritable(join(folder, 'x'));
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
