import { closeSync, constants, fstatSync, openSync, readSync, type Stats, statSync } from 'node:fs';
import { decodeUtf8 } from './decode-utf8.ts';
import { fileError, UserError } from './errors.ts';

/** Opening a pipe waits for its writer otherwise; a regular file is opened as ever. */
const OPEN_FLAGS = constants.O_RDONLY | constants.O_NONBLOCK;

const MEGABYTE = 1e6;

/** Largest file of text in bytes: decoded, it takes several times as much. */
export const MAX_TEXT_BYTES = 64 * MEGABYTE;

/** Bytes that any packed file may unpack to, and times its own size that a larger one may: real data shrinks by less. */
const MIN_UNPACKED_BYTES = 256 * MEGABYTE;
const MAX_PACKING_RATIO = 100;

/** Largest size in bytes that a packed file may unpack to. */
export function maxUnpackedBytes(packedBytes: number): number {
  return Math.max(MIN_UNPACKED_BYTES, MAX_PACKING_RATIO * packedBytes);
}

/**
 * Reads a file that the user names: a regular one, of at most `maxBytes`. What is appended while it is read is left out.
 *
 * It is read without giving way: what needs it comes after, and most files are small.
 *
 * @param action verb phrase, which the path follows in messages: `read the seeds`
 * @throws UserError if it can't be read, is a folder, pipe, socket or device, or is larger; MachineError if the machine fails
 */
export function readBounded(path: string, action: string, maxBytes: number): Buffer {
  try {
    requireReadable(statSync(path), path, action, maxBytes);
    const file = openSync(path, OPEN_FLAGS);
    try {
      const stats = fstatSync(file);
      requireReadable(stats, path, action, maxBytes);
      const bytes = Buffer.allocUnsafeSlow(stats.size);
      let length = 0;
      while (length < bytes.length) {
        const count = readSync(file, bytes, length, bytes.length - length, length);
        if (count === 0) break;
        length += count;
      }
      return bytes.subarray(0, length);
    } finally {
      closeSync(file);
    }
  } catch (error) {
    throw error instanceof UserError ? error : fileError(error, action, path);
  }
}

/** As `readBounded`, for UTF-8 text; a byte order mark is dropped. @throws UserError also if it is no UTF-8 */
export function readText(path: string, action: string, maxBytes: number): string {
  const text = decodeUtf8(readBounded(path, action, maxBytes));
  if (text === undefined)
    throw new UserError(
      `cannot ${action} ${path}: it is not UTF-8 text; convert it, for example with iconv -t utf-8`,
    );
  return text;
}

function requireReadable(stats: Stats, path: string, action: string, maxBytes: number): void {
  const kind = stats.isFile() ? undefined : kindOf(stats);
  if (kind !== undefined) throw new UserError(`cannot ${action} ${path}: it is a ${kind}, not a file`);
  if (stats.size > maxBytes)
    throw new UserError(
      `cannot ${action} ${path}: it has ${(stats.size / MEGABYTE).toFixed(1)} MB, and the limit for such a file is ${(maxBytes / MEGABYTE).toFixed(1)} MB`,
    );
}

function kindOf(stats: Stats): string {
  if (stats.isDirectory()) return 'folder';
  if (stats.isFIFO()) return 'pipe';
  return stats.isSocket() ? 'socket' : 'device';
}
