import { UserError } from '../core/errors.ts';

let remappedPaths: ReadonlyMap<string, string> | undefined;

/**
 * Says where the files lie that specs name, in a process that works for a campaign of another machine: from then on no other
 * file is read because a spec says so.
 */
export function installPathRemap(own: Readonly<Record<string, string>>): void {
  remappedPaths = new Map(Object.entries(own));
}

/** Where a file lies that a spec names. @throws UserError where the campaign is another machine's and the file did not come along */
export function remapPath(path: string): string {
  if (remappedPaths === undefined) return path;
  const found = remappedPaths.get(path);
  if (found === undefined) throw new UserError(`${path} did not come along with the campaign`);
  return found;
}
