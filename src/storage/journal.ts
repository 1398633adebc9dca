import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeDurably } from '../core/atomic-file.ts';
import { crc32Hex } from '../core/checksum.ts';
import { UserError } from '../core/errors.ts';
import { plural } from '../core/format-number.ts';
import type { CorpusEntryRecord } from '../fuzzer/corpus/corpus-entry.ts';
import { decodeTestcase, type TestcaseData, testcaseId } from '../inputs/testcase.ts';
import type { InputSpec } from '../model/model.ts';
import { formatLine, type JournalLine, parseLine } from './journal-line.ts';

export const CORPUS_FOLDER = 'corpus';
export const JOURNAL_FILE = `${CORPUS_FOLDER}/journal.jsonl`;
export const STATE_FOLDER = 'state';
export const VECTORS_FILE = `${STATE_FOLDER}/activations.f32`;

/** A corpus entry read from disk. */
export interface StoredEntry {
  readonly record: CorpusEntryRecord;
  readonly data: TestcaseData;
  /** CRC-32 of its testcase's file. */
  readonly fileCrc32: string;
  /** Activation vector; undefined if it was lost and has to be recomputed. */
  readonly activations: Float32Array | undefined;
}

/** Path of a testcase's file in a campaign's folder. */
export function testcasePath(folder: string, id: string): string {
  return join(folder, CORPUS_FOLDER, `${id}.npz`);
}

/** An entry whose testcase's file is on disk. */
export interface WrittenEntry {
  readonly record: CorpusEntryRecord;
  readonly activations: Float32Array;
  /** CRC-32 of its testcase's file. */
  readonly fileCrc32: string;
}

/**
 * Appends entries durably. Activations precede journal lines, so that no line lacks its vector after a crash.
 *
 * @returns the number of bytes written
 */
export async function appendEntries(folder: string, entries: readonly WrittenEntry[]): Promise<number> {
  const bytes = packVectors(entries.map(({ activations }) => activations));
  await appendDurably(join(folder, VECTORS_FILE), bytes);
  const text = Buffer.from(journalText(entries));
  await appendDurably(join(folder, JOURNAL_FILE), text);
  return bytes.length + text.length;
}

/** The journal's lines of some entries. */
export function journalText(entries: readonly WrittenEntry[]): string {
  return entries
    .map(({ record, activations, fileCrc32 }) =>
      formatLine(record, { file: fileCrc32, activations: vectorChecksum(activations) }),
    )
    .join('');
}

/** CRC-32 of an activation vector. */
export function vectorChecksum(vector: Float32Array): string {
  return crc32Hex(new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength));
}

async function appendDurably(path: string, bytes: Buffer): Promise<void> {
  const handle = await open(path, 'a');
  try {
    await handle.writeFile(bytes);
    await handle.datasync();
  } finally {
    await handle.close();
  }
}

/** A journal line with its index. */
export interface IndexedLine extends JournalLine {
  /** Index among all lines, which is also the index of its activation vector. */
  readonly index: number;
}

/**
 * Reads the first `count` lines of a journal; with `Infinity`, all complete lines.
 *
 * @param damage receives a description of each damaged line
 * @returns the valid records, and the byte offset at which the lines read end
 */
export async function readJournal(
  folder: string,
  count: number,
  damage: string[],
): Promise<{ readonly lines: readonly IndexedLine[]; readonly endOffset: number }> {
  const bytes = await readOrEmpty(join(folder, JOURNAL_FILE));
  const lines: IndexedLine[] = [];
  let start = 0;
  let index = 0;
  for (; index < count; index++) {
    const end = bytes.indexOf(0x0a, start);
    if (end < 0) break;
    const text = bytes.toString('utf8', start, end);
    const line = parseLine(text);
    if (line === undefined) damage.push(`line ${index + 1} of corpus/journal.jsonl is damaged`);
    else lines.push({ ...line, index });
    start = end + 1;
  }
  if (index < count && Number.isFinite(count))
    damage.push(`corpus/journal.jsonl is damaged: it lacks ${count - index} of ${count} lines`);
  return { lines, endOffset: start };
}

/** A testcase's file as it was read. */
export interface LoadedTestcase {
  readonly data: TestcaseData;
  /** CRC-32 of the file. */
  readonly fileCrc32: string;
}

/** Reads a testcase's file and verifies its ID. Returns the kind of damage if the file is missing or invalid. */
export async function loadTestcase(
  path: string,
  inputs: readonly InputSpec[],
  id: string,
): Promise<LoadedTestcase | 'missing' | 'damaged'> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EISDIR' || code === 'ELOOP') return 'damaged';
    if (code !== 'ENOENT' && code !== 'ENOTDIR') throw error;
    return 'missing';
  }
  try {
    const data = decodeTestcase(inputs, bytes, path);
    if (testcaseId(data) === id) return { data, fileCrc32: crc32Hex(bytes) };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
  }
  return 'damaged';
}

/**
 * Reads the activation vectors of some of the first `count` entries, each as a copy. Undefined stands for one that is missing or damaged.
 *
 * @param width length of an entry's activation vector
 * @param damage receives a description of what is missing or damaged
 */
export async function readVectors(
  folder: string,
  lines: readonly IndexedLine[],
  count: number,
  width: number,
  damage: string[],
): Promise<readonly (Float32Array | undefined)[]> {
  const bytes = await readOrEmpty(join(folder, VECTORS_FILE));
  const length = width * Float32Array.BYTES_PER_ELEMENT;
  if (bytes.length < count * length)
    damage.push(
      `${VECTORS_FILE} is damaged: it is truncated, and the model is run again on testcases without activations`,
    );
  let damagedCount = 0;
  const vectors = lines.map(({ index, checksums }) => {
    const from = bytes.byteOffset + index * length;
    if ((index + 1) * length > bytes.length) return undefined;
    const vector = new Float32Array(bytes.buffer.slice(from, from + length));
    if (checksums === undefined || vectorChecksum(vector) === checksums.activations) return vector;
    damagedCount++;
    return undefined;
  });
  if (damagedCount > 0)
    damage.push(`${VECTORS_FILE} is damaged: the model is run again on ${plural(damagedCount, 'testcase')}`);
  return vectors;
}

/** Replaces all stored activation vectors, in the order of the entries. */
export async function writeVectors(folder: string, vectors: readonly Float32Array[]): Promise<void> {
  await writeDurably(join(folder, VECTORS_FILE), packVectors(vectors));
}

function packVectors(vectors: readonly Float32Array[]): Buffer {
  return Buffer.concat(vectors.map((v) => Buffer.from(v.buffer, v.byteOffset, v.byteLength)));
}

/** Error codes of what is no file: nothing, a folder, a link to itself. */
const NO_FILE: ReadonlySet<string | undefined> = new Set(['ENOENT', 'EISDIR', 'ELOOP', 'ENOTDIR']);

/** Reads a file of the campaign; one that does not exist, or is a folder or a link to itself, is empty. */
export async function readOrEmpty(path: string): Promise<Buffer> {
  return readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (NO_FILE.has(error.code)) return Buffer.alloc(0);
    throw error;
  });
}
