import { renameSync, writeFileSync } from 'node:fs';
import { lstat, mkdir, mkdtemp, open, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { fileError, MachineError, systemReason } from './errors.ts';

/** Name prefix of files and folders that are still being written; readers ignore them. */
export const UNFINISHED_PREFIX = '.tmp-';

/**
 * Creates a folder and its parents.
 *
 * @param purpose noun phrase for the error message, such as `the campaign folder`
 * @throws UserError, MachineError if the folder can't be created
 */
export async function makeFolder(path: string, purpose: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true });
  } catch (error) {
    throw fileError(await mkdirError(path, error), `create ${purpose}`, path);
  }
}

/** Why a folder can't be created. On a read-only file system Node.js says of a recursive `mkdir` that nothing is there (ENOENT). */
async function mkdirError(path: string, error: unknown): Promise<unknown> {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') return error;
  for (let missing = resolve(path); ; missing = dirname(missing)) {
    const attempt = await mkdir(missing).then(
      () => error,
      (reason: NodeJS.ErrnoException) => reason,
    );
    if ((attempt as NodeJS.ErrnoException).code !== 'ENOENT' || missing === dirname(missing)) return attempt;
  }
}

/**
 * Creates a folder for temporary files, which the caller removes.
 *
 * @param purpose word in its name: `copy`
 * @param parent the system's place for temporary files by default
 * @throws MachineError if there is no place for temporary files
 */
export async function makeTemporaryFolder(purpose: string, parent = tmpdir()): Promise<string> {
  try {
    return await mkdtemp(join(parent, `neurofuzz-${purpose}-`));
  } catch (error) {
    throw new MachineError(
      `cannot create a temporary folder in ${parent}: ${systemReason(error)}; name another place with TMPDIR`,
    );
  }
}

/** Flushes a file, or a folder's list of entries, to disk (fsync). */
export async function syncToDisk(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Replaces a file atomically by a rename; the new content is on disk when the promise resolves. */
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

/** Writes a folder of files atomically: it appears complete or not at all. It is on disk when the promise resolves. */
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
  // `parent` may have been created above, so its own entry needs a flush too.
  await syncToDisk(dirname(parent));
}

/**
 * Replaces a file atomically, without fsync: a power failure may lose the new content. Of a link, the file that it leads to is
 * replaced; a device or a pipe is written to.
 *
 * @param content also in parts
 */
export async function writeAtomically(
  path: string,
  content: string | Uint8Array | readonly Uint8Array[],
): Promise<void> {
  const stats = await lstat(path).catch(() => undefined);
  const isLink = stats?.isSymbolicLink() === true;
  const target = isLink ? await realpath(path).catch(() => path) : path;
  const kept = isLink ? await stat(target).catch(() => undefined) : stats;
  // A device or a pipe is written to: it is not a file that could be replaced.
  if (kept !== undefined && !kept.isFile() && !kept.isDirectory()) {
    await writeFile(target, content);
    return;
  }
  const unfinished = join(dirname(target), `${UNFINISHED_PREFIX}${basename(target)}`);
  await writeFile(unfinished, content);
  await rename(unfinished, target);
}

/** `writeAtomically` for a small file: waiting for the event loop would take longer than writing it. */
export function writeAtomicallySync(path: string, content: Uint8Array): void {
  const unfinished = join(dirname(path), `${UNFINISHED_PREFIX}${basename(path)}`);
  writeFileSync(unfinished, content);
  renameSync(unfinished, path);
}
