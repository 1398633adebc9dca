import { type Dirent, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../core/errors.ts';

/**
 * Refuses a folder of a stranger's that holds a pipe, a socket or a device, or a link to one: to read such a file may take for ever. Call
 * it before files of a campaign's folder are read.
 *
 * @param path a folder of campaigns or findings; one that is not there is left to the reader
 * @throws UserError naming the file
 */
export function refuseSpecialFiles(path: string): void {
  let entries: Dirent[];
  try {
    entries = readdirSync(path, { withFileTypes: true });
  } catch {
    return;
  }
  for (const entry of entries) {
    const inner = join(path, entry.name);
    if (entry.isDirectory()) refuseSpecialFiles(inner);
    else if (!entry.isFile() && isSpecial(inner))
      throw new UserError(
        `${inner} is a pipe, a socket or a device, which campaigns do not write: remove it`,
      );
  }
}

function isSpecial(path: string): boolean {
  try {
    const stats = statSync(path);
    return !stats.isFile() && !stats.isDirectory();
  } catch {
    // A link that leads nowhere is a file that is missing.
    return false;
  }
}
