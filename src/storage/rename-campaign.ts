import { constants } from 'node:fs';
import { copyFile, lstat, readdir, rename } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { syncToDisk } from '../core/atomic-file.ts';
import { fileError, isMachineFailure, systemReason, UserError } from '../core/errors.ts';
import { OWN_BASELINE_FILE } from './campaign-store.ts';
import { isCampaignFolder } from './check-folder.ts';
import { Lock } from './lock.ts';

/** Whether a path is a folder itself or lies in it. */
function isWithin(path: string, folder: string): boolean {
  const outer = resolve(folder);
  return `${resolve(path)}${sep}`.startsWith(outer.endsWith(sep) ? outer : `${outer}${sep}`);
}

/**
 * Checks that a campaign's folder can be renamed before a new campaign takes its place.
 *
 * @param used paths that the new campaign reads, by the setting that names them
 * @throws UserError where the new campaign reads from the folder, or the working folder lies in it
 */
export function checkRenamable(folder: string, used: ReadonlyMap<string, readonly string[]>): void {
  const advice = 'choose another folder with --out';
  if (isWithin('.', folder))
    throw new UserError(
      `--overwrite would rename ${folder}, and the working folder lies in it: change to another folder, or ${advice}`,
    );
  for (const [setting, paths] of used) {
    const path = paths.find((named) => isWithin(named, folder));
    if (path !== undefined)
      throw new UserError(
        `--overwrite would rename ${folder}, and ${setting} reads ${path} in it: ${advice}, or copy ${path} to another place first`,
      );
  }
}

/**
 * Renames the campaign that is in a folder to the first of `<folder>.old-1`, `.old-2`, … that is free. Nothing is deleted.
 *
 * @param isRenamed whether a folder with these entries is renamed: a campaign's by default
 * @returns the new path; undefined where the folder holds no campaign
 * @throws UserError if another process runs the campaign, or the folder cannot be renamed
 */
export async function renameCampaign(
  folder: string,
  isRenamed: (entries: readonly string[]) => boolean = isCampaignFolder,
): Promise<string | undefined> {
  const entries = await readdir(folder).catch(() => []);
  if (!isRenamed(entries)) return undefined;
  const lock = await Lock.acquire(folder);
  try {
    const free = await freeName(folder);
    try {
      // As an absolute path: `out/` would have the new name inside it.
      await rename(resolve(folder), resolve(free));
      lock.followTo(free);
      await syncToDisk(dirname(resolve(free)));
    } catch (error) {
      if (isMachineFailure(error)) throw fileError(error, 'rename the campaign folder', folder);
      throw new UserError(
        `cannot rename ${folder} to ${free}: ${systemReason(error)}; choose another folder with --out`,
      );
    }
    return free;
  } finally {
    await lock.release();
  }
}

/** Copies the states and notes of an older campaign's faults, which are by signature. Returns whether it had any. */
export async function keepBaseline(older: string, folder: string): Promise<boolean> {
  const from = join(older, OWN_BASELINE_FILE);
  const to = join(folder, OWN_BASELINE_FILE);
  return copyFile(from, to, constants.COPYFILE_EXCL).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return false;
      throw fileError(error, 'keep the states and notes of faults in', to);
    },
  );
}

/** The first name beside the folder that nothing has. */
async function freeName(folder: string): Promise<string> {
  for (let n = 1; ; n++) {
    const name = `${relative('.', resolve(folder))}.old-${n}`;
    const isFree = await lstat(name).then(
      () => false,
      (error: NodeJS.ErrnoException) => error.code === 'ENOENT',
    );
    if (isFree) return name;
  }
}
