import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';

/** Bytes of a snapshot that are read at once to compute its checksum. */
const CHUNK_BYTES = 1 << 20;

/** Path of the snapshot of an index of this size. */
export function snapshotFile(folder: string, size: number): string {
  return join(folder, `index-${size}.hnsw`);
}

/** Path of a snapshot's checksum. Snapshots of older versions have none. */
function checksumFile(snapshot: string): string {
  return `${snapshot}.crc32`;
}

/** Sizes of the snapshots in a folder, ascending. */
export function snapshotSizes(folder: string): number[] {
  return readdirSync(folder)
    .flatMap((name) => /^index-(\d+)\.hnsw$/.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b);
}

/**
 * Moves a finished file to its place as a snapshot, durably. The checksum precedes it, so that no snapshot lacks its own; it is the same
 * for every snapshot of this size.
 */
export function placeSnapshot(unfinished: string, snapshot: string): void {
  const checksum = checksumFile(snapshot);
  const unfinishedChecksum = checksumFile(unfinished);
  writeFileSync(unfinishedChecksum, `${fileCrc32(unfinished)}\n`);
  for (const path of [unfinished, unfinishedChecksum]) {
    const handle = openSync(path, 'r');
    fsyncSync(handle);
    closeSync(handle);
  }
  renameSync(unfinishedChecksum, checksum);
  renameSync(unfinished, snapshot);
}

/** Whether a snapshot is there and as it was written: hnswlib does not validate what it reads. */
export function isIntactSnapshot(snapshot: string): boolean {
  if (!existsSync(snapshot)) return false;
  const checksum = checksumFile(snapshot);
  if (!existsSync(checksum)) return true;
  try {
    return readFileSync(checksum, 'utf8') === `${fileCrc32(snapshot)}\n`;
  } catch {
    return false;
  }
}

/** Removes a snapshot and its checksum. */
export function removeSnapshot(snapshot: string): void {
  rmSync(snapshot, { force: true, recursive: true });
  removeChecksum(snapshot);
}

/** Removes the checksum of a snapshot. */
export function removeChecksum(snapshot: string): void {
  rmSync(checksumFile(snapshot), { force: true, recursive: true });
}

function fileCrc32(path: string): string {
  const handle = openSync(path, 'r');
  try {
    const chunk = Buffer.alloc(CHUNK_BYTES);
    let sum = 0;
    for (let read = readSync(handle, chunk); read > 0; read = readSync(handle, chunk))
      sum = crc32(chunk.subarray(0, read), sum);
    return sum.toString(16).padStart(8, '0');
  } finally {
    closeSync(handle);
  }
}
