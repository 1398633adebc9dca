import { UserError } from '../core/errors.ts';

let remappedPaths: ReadonlyMap<string, string> | undefined;

/**
 * Installs the mapping from paths in specs to local copies (distributed workers only). Afterwards specs can't refer to any
 * other file.
 */
export function installPathRemap(localPaths: Readonly<Record<string, string>>): void {
  remappedPaths = new Map(Object.entries(localPaths));
}

/** The local copy of a file that a spec names. @throws UserError if a mapping is installed and the file is not in it */
export function remapPath(path: string): string {
  if (remappedPaths === undefined) return path;
  const found = remappedPaths.get(path);
  if (found === undefined) throw new UserError(`${path} was not transferred with the campaign`);
  return found;
}
