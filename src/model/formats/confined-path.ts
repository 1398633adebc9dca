import { createReadStream } from 'node:fs';
import { open, readFile, realpath, stat } from 'node:fs/promises';
import { isAbsolute, relative, resolve, sep } from 'node:path';
import { createGunzip } from 'node:zlib';
import { fileError, UserError } from '../../core/errors.ts';
import { maxUnpackedBytes } from '../../core/read-bounded.ts';

/**
 * Resolves the path of a file that a model names, within the model's folder: a model is untrusted data, and must not make
 * the process read other files.
 *
 * @param folder of the model
 * @returns the absolute path, symbolic links resolved
 * @throws UserError if the path leaves the folder, also through a symbolic link, or is not a file
 */
export async function resolveConfinedFile(folder: string, file: string, model: string): Promise<string> {
  const outside = new UserError(
    `${model} names the file ${JSON.stringify(file)}, which lies outside the model's folder; refused`,
  );
  const home = await realpath(folder);
  const path = resolve(home, file);
  // No file has a NUL in its name.
  if (file === '' || file.includes('\0') || isAbsolute(file) || !isWithin(home, path)) throw outside;
  try {
    const real = await realpath(path);
    if (!isWithin(home, real)) throw outside;
    if (!(await stat(real)).isFile()) throw new UserError(`${file}, which ${model} names, is not a file`);
    return real;
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw fileError(error, `read, for ${model},`, path);
  }
}

/** Whether a path is inside a folder; both absolute. */
export function isWithin(folder: string, path: string): boolean {
  const inner = relative(folder, path);
  return inner !== '' && inner !== '..' && !inner.startsWith(`..${sep}`) && !isAbsolute(inner);
}

/**
 * Reads a file, and unpacks it if it is gzip.
 *
 * @param maxBytes limit on the unpacked size of a gzip file, where unpacking stops
 * @throws UserError if it cannot be read, is not a file, is damaged gzip, or exceeds the limit
 */
export async function readUnpacked(path: string, maxBytes: number): Promise<Buffer> {
  try {
    const stats = await stat(path);
    if (!stats.isFile()) throw new UserError(`${path} is not a file`);
    const head = await readHead(path, 2);
    if (head[0] !== 0x1f || head[1] !== 0x8b) return await readFile(path);
    const limit = Math.min(maxBytes, maxUnpackedBytes(stats.size));
    const chunks: Buffer[] = [];
    let length = 0;
    const unpacked = createGunzip();
    const packed = createReadStream(path);
    packed.on('error', (error) => unpacked.destroy(error)).pipe(unpacked);
    for await (const chunk of unpacked as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > limit) throw new UserError(`${path} unpacks to more than ${limit} bytes; refused`);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  } catch (error) {
    if (error instanceof UserError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    if (code?.startsWith('Z_')) throw new UserError(`${path} is damaged gzip: copy it again`);
    throw fileError(error, 'read', path);
  }
}

/** The first bytes of a file. @throws UserError if it is none: opening a pipe would wait for its writer */
export async function readHead(path: string, length: number): Promise<Uint8Array> {
  if (!(await stat(path)).isFile()) throw new UserError(`${path} is not a file`);
  const file = await open(path);
  try {
    const head = Buffer.alloc(length);
    const { bytesRead } = await file.read(head, 0, length, 0);
    return head.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
