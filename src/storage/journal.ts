import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeDurably } from '../core/atomic-file.ts';
import { UserError } from '../core/errors.ts';
import type { CorpusEntryRecord } from '../fuzzer/corpus/corpus-entry.ts';
import { decodeTestcase, type TestcaseData, testcaseId } from '../inputs/testcase.ts';
import type { InputSpec } from '../model/model.ts';
import { FORMAT_VERSION } from './finding.ts';

export const CORPUS_FOLDER = 'corpus';
export const JOURNAL_FILE = join(CORPUS_FOLDER, 'journal.jsonl');
export const STATE_FOLDER = 'state';
export const VECTORS_FILE = join(STATE_FOLDER, 'activations.f32');

/** A corpus entry read from disk. */
export interface StoredEntry extends CorpusEntryRecord {
  readonly data: TestcaseData;
  /** Activation vector; undefined if it was lost and has to be recomputed. */
  readonly activations: Float32Array | undefined;
}

/** Path of a testcase's file in a campaign's folder. */
export function testcasePath(folder: string, id: string): string {
  return join(folder, CORPUS_FOLDER, `${id}.npz`);
}

/** Keys of a journal line, in their order on disk. */
const RECORD_KEYS = [
  'id',
  'parent',
  'ancestor',
  'reference',
  'generation',
  'mutators',
  'novelty',
  'task',
  'site',
  'outcome',
] as const satisfies readonly (keyof CorpusEntryRecord)[];

/** Serializes a record to a journal line, with the fields in a fixed order. */
export function formatRecord(record: CorpusEntryRecord): string {
  const fields = RECORD_KEYS.map((key) => [key, record[key]]);
  return `${JSON.stringify({ v: FORMAT_VERSION, ...Object.fromEntries(fields) })}\n`;
}

/**
 * Appends entries durably. Activations precede journal lines, so that no line lacks its vector after a crash.
 *
 * @returns the number of bytes written
 */
export async function appendEntries(
  folder: string,
  records: readonly CorpusEntryRecord[],
  vectors: readonly Float32Array[],
): Promise<number> {
  const bytes = packVectors(vectors);
  await appendDurably(join(folder, VECTORS_FILE), bytes);
  const text = Buffer.from(records.map(formatRecord).join(''));
  await appendDurably(join(folder, JOURNAL_FILE), text);
  return bytes.length + text.length;
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

/** A journal record with its line index. */
export interface IndexedRecord {
  readonly record: CorpusEntryRecord;
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
): Promise<{ readonly lines: readonly IndexedRecord[]; readonly endOffset: number }> {
  const bytes = await readOrEmpty(join(folder, JOURNAL_FILE));
  const lines: IndexedRecord[] = [];
  let start = 0;
  let index = 0;
  for (; index < count; index++) {
    const end = bytes.indexOf(0x0a, start);
    if (end < 0) break;
    const text = bytes.toString('utf8', start, end);
    const record = parseRecord(text);
    if (record === undefined) damage.push(`line ${index + 1} of corpus/journal.jsonl is damaged`);
    else lines.push({ record, index });
    start = end + 1;
  }
  if (index < count && Number.isFinite(count))
    damage.push(`corpus/journal.jsonl lacks ${count - index} of ${count} lines`);
  return { lines, endOffset: start };
}

/** Parses a journal line; undefined if it is damaged. */
export function parseRecord(text: string): CorpusEntryRecord | undefined {
  try {
    const line = JSON.parse(text) as Partial<CorpusEntryRecord> | null;
    const isValid =
      typeof line?.id === 'string' &&
      /^[0-9a-f]{16}$/.test(line.id) &&
      typeof line.ancestor === 'string' &&
      typeof line.generation === 'number' &&
      typeof line.task === 'number' &&
      typeof line.outcome === 'number' &&
      (line.reference === undefined || typeof line.reference === 'string') &&
      Array.isArray(line.mutators) &&
      (line.parent === null || typeof line.parent === 'string') &&
      (line.novelty === null || typeof line.novelty === 'number');
    return isValid ? (line as CorpusEntryRecord) : undefined;
  } catch {
    return undefined;
  }
}

/** Reads a testcase's file and verifies its ID. Returns the kind of damage if the file is missing or invalid. */
export async function loadTestcase(
  path: string,
  inputs: readonly InputSpec[],
  id: string,
): Promise<TestcaseData | 'missing' | 'damaged'> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return 'missing';
  }
  try {
    const data = decodeTestcase(inputs, bytes, path);
    if (testcaseId(data) === id) return data;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
  }
  return 'damaged';
}

/**
 * Reads the activation vectors of the first `count` entries as one array `[count, width]`; undefined if the file is too short.
 *
 * @param width length of an entry's activation vector
 * @param damage receives a description if the file is too short
 */
export async function readVectors(
  folder: string,
  count: number,
  width: number,
  damage: string[],
): Promise<Float32Array | undefined> {
  const bytes = await readOrEmpty(join(folder, VECTORS_FILE));
  const needed = count * width * Float32Array.BYTES_PER_ELEMENT;
  if (bytes.length < needed) {
    damage.push(`${VECTORS_FILE} is cut: the model is run on the corpus again`);
    return undefined;
  }
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + needed));
}

/** Replaces all stored activation vectors, in the order of the entries. */
export async function writeVectors(folder: string, vectors: readonly Float32Array[]): Promise<void> {
  await writeDurably(join(folder, VECTORS_FILE), packVectors(vectors));
}

function packVectors(vectors: readonly Float32Array[]): Buffer {
  return Buffer.concat(vectors.map((v) => Buffer.from(v.buffer, v.byteOffset, v.byteLength)));
}

/** Reads a file of the campaign; one that does not exist is empty. */
export async function readOrEmpty(path: string): Promise<Buffer> {
  return readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return Buffer.alloc(0);
    throw error;
  });
}
