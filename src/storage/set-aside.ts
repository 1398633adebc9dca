import { mkdir, readdir, rename } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';

/** Folder within `corpus/`, `state/` or `findings/` that damaged files are moved to. */
export const DAMAGED_FOLDER = 'damaged';

/**
 * Moves a damaged file or folder out of the way, to `damaged/` in the part of the campaign that it lies in.
 *
 * @param path relative to the campaign's folder, as `findings/x/signature.json`
 * @returns the folder that it is in now, relative to the campaign's
 */
export async function setAside(folder: string, path: string): Promise<string> {
  const [part, ...rest] = path.split('/');
  const aside = [part, DAMAGED_FOLDER, ...rest.slice(0, -1)].join('/');
  await mkdir(join(folder, aside), { recursive: true });
  await rename(join(folder, path), await unusedPath(join(folder, aside, basename(path))));
  return `${aside}/`;
}

/** The first of `name.ext`, `name-2.ext`, … that does not exist. */
export async function unusedPath(path: string): Promise<string> {
  const taken = new Set(await readdir(dirname(path)));
  const extension = extname(path);
  const stem = basename(path, extension);
  let name = basename(path);
  for (let n = 2; taken.has(name); n++) name = `${stem}-${n}${extension}`;
  return join(dirname(path), name);
}
