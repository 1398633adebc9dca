import { mkdir, open, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileError } from './errors.ts';

/** Prefix of files and folders that are not whole yet; nothing reads them. */
export const UNFINISHED_PREFIX = '.tmp-';

/** @throws UserError, MachineError where it can't be made, naming what it is for */
export async function makeFolder(path: string, what: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true });
  } catch (error) {
    throw fileError(error, `create ${what}`, path);
  }
}

/** Puts a file or a folder's entries on disk. */
export async function syncToDisk(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Replaces a file in one rename, on disk before this returns. */
export async function writeDurably(path: string, content: string | Uint8Array): Promise<void> {
  const folder = dirname(path);
  const unfinished = join(folder, `${UNFINISHED_PREFIX}${basename(path)}`);
  const handle = await open(unfinished, 'w');
  try {
    await handle.writeFile(content);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(unfinished, path);
  await syncToDisk(folder);
}

/** Writes a folder of files that appears whole or not at all, on disk before this returns. */
export async function writeFolderDurably(
  folder: string,
  files: ReadonlyMap<string, string | Uint8Array>,
): Promise<void> {
  const parent = dirname(folder);
  await mkdir(parent, { recursive: true });
  const unfinished = join(parent, `${UNFINISHED_PREFIX}${basename(folder)}`);
  await rm(unfinished, { recursive: true, force: true });
  await mkdir(unfinished);
  for (const [name, content] of files) {
    const path = join(unfinished, name);
    await writeFile(path, content);
    await syncToDisk(path);
  }
  await syncToDisk(unfinished);
  await rename(unfinished, folder);
  await syncToDisk(parent);
  // The folder above may be new as well.
  await syncToDisk(dirname(parent));
}

/** Writes a file that appears whole or not at all; it may be lost when the machine loses power. */
export async function writeAtomically(path: string, content: string | Uint8Array): Promise<void> {
  const unfinished = join(dirname(path), `${UNFINISHED_PREFIX}${basename(path)}`);
  await writeFile(unfinished, content);
  await rename(unfinished, path);
}
