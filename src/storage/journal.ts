import { copyFile, mkdir, open, readdir, readFile, rename, rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { writeDurably } from '../core/atomic-file.ts';
import { UserError } from '../core/errors.ts';
import type { CorpusEntryRecord } from '../fuzzer/corpus/corpus-entry.ts';
import { decodeTestcase, type TestcaseData, testcaseId } from '../inputs/testcase.ts';
import type { InputSpec } from '../model/model.ts';
import { FORMAT_VERSION } from './finding.ts';

export const CORPUS_FOLDER = 'corpus';
const JOURNAL_FILE = join(CORPUS_FOLDER, 'journal.jsonl');
const DAMAGED_FOLDER = join(CORPUS_FOLDER, 'damaged');
export const STATE_FOLDER = 'state';
const VECTORS_FILE = join(STATE_FOLDER, 'activations.f32');

/** Testcases read at the same time. */
const READ_CONCURRENCY = 16;

/** A corpus entry as it comes back from disk. */
export interface StoredEntry extends CorpusEntryRecord {
  readonly data: TestcaseData;
  /** What coverage compares; undefined where it was lost and has to be computed again. */
  readonly activations: Float32Array | undefined;
}

/** A corpus as it was found on disk. */
export interface StoredCorpus {
  readonly entries: readonly StoredEntry[];
  /** What was damaged and set aside, a line each; the entries are then fewer than were written. */
  readonly damage: readonly string[];
}

/** Path of a testcase in the campaign's folder. */
export function testcasePath(folder: string, id: string): string {
  return join(folder, CORPUS_FOLDER, `${id}.npz`);
}

/** A journal line's text, its fields in a fixed order. */
export function formatRecord({
  id,
  parent,
  ancestor,
  reference,
  generation,
  mutators,
  novelty,
  task,
  site,
  outcome,
}: CorpusEntryRecord): string {
  const line = {
    v: FORMAT_VERSION,
    id,
    parent,
    ancestor,
    reference,
    generation,
    mutators,
    novelty,
    task,
    site,
    outcome,
  };
  return `${JSON.stringify(line)}\n`;
}

/** Appends entries: activations before lines, so that no line lacks its own. On disk before this returns. */
export async function appendEntries(
  folder: string,
  lines: readonly CorpusEntryRecord[],
  vectors: readonly Float32Array[],
): Promise<number> {
  const bytes = Buffer.concat(vectors.map((v) => Buffer.from(v.buffer, v.byteOffset, v.byteLength)));
  await appendDurably(join(folder, VECTORS_FILE), bytes);
  const text = Buffer.from(lines.map(formatRecord).join(''));
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

/**
 * Reads the first `count` entries back and takes away what was written after them: the campaign goes on
 * from there and writes the same again. A torn last line is nothing; every other damage is named and set
 * aside in corpus/damaged/, and the journal goes on without it.
 *
 * @param inputs as testcases have them
 * @param width numbers in an entry's activations
 */
export async function readCorpus(
  folder: string,
  inputs: readonly InputSpec[],
  count: number,
  width: number,
): Promise<StoredCorpus> {
  const damage: string[] = [];
  const { lines, sound } = await readJournal(folder, count, damage);
  const vectors = await readVectors(folder, count, width, damage);
  const entries: StoredEntry[] = [];
  const ids = new Set<string>();
  for (let from = 0; from < lines.length; from += READ_CONCURRENCY) {
    const some = lines.slice(from, from + READ_CONCURRENCY);
    const read = await Promise.all(
      some.map(({ record }) => readOrSetAside(folder, inputs, record.id, damage)),
    );
    some.forEach(({ record, index }, i) => {
      const data = read[i];
      if (data === undefined) return;
      if (!ids.has(record.ancestor) && record.ancestor !== record.id) {
        damage.push(`testcase ${record.id} is left out, since its ancestor ${record.ancestor} is damaged`);
        return;
      }
      ids.add(record.id);
      const activations = vectors?.subarray(index * width, (index + 1) * width).slice();
      entries.push({ ...record, data, activations });
    });
  }
  if (damage.length > 0) await rewriteJournal(folder, entries);
  else await truncateAfter(folder, sound, count * width * Float32Array.BYTES_PER_ELEMENT, ids);
  return { entries, damage };
}

/** A line and where it stands. */
export interface IndexedRecord {
  readonly record: CorpusEntryRecord;
  /** Its place among all lines, and so among the activations. */
  readonly index: number;
}

/**
 * Reads the first `count` lines of a journal, or all that are whole.
 *
 * @param damage what is damaged is added to it, a line each
 * @returns the sound ones, and where in the file they end
 */
export async function readJournal(
  folder: string,
  count: number,
  damage: string[],
): Promise<{ readonly lines: readonly IndexedRecord[]; readonly sound: number }> {
  const path = join(folder, JOURNAL_FILE);
  const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return Buffer.alloc(0);
    throw error;
  });
  const lines: IndexedRecord[] = [];
  let start = 0;
  let place = 0;
  for (; place < count; place++) {
    const end = bytes.indexOf(0x0a, start);
    if (end < 0) break;
    const text = bytes.toString('utf8', start, end);
    const line = parseRecord(text);
    if (line === undefined) damage.push(`line ${place + 1} of corpus/journal.jsonl is damaged`);
    else lines.push({ record: line, index: place });
    start = end + 1;
  }
  if (place < count && Number.isFinite(count))
    damage.push(`corpus/journal.jsonl lacks ${count - place} of ${count} lines`);
  return { lines, sound: start };
}

function parseRecord(text: string): CorpusEntryRecord | undefined {
  try {
    const line = JSON.parse(text) as Partial<CorpusEntryRecord> | null;
    const sound =
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
    return sound ? (line as CorpusEntryRecord) : undefined;
  } catch {
    return undefined;
  }
}

async function readOrSetAside(
  folder: string,
  inputs: readonly InputSpec[],
  id: string,
  damage: string[],
): Promise<TestcaseData | undefined> {
  const read = await loadTestcase(testcasePath(folder, id), inputs, id);
  if (typeof read !== 'string') return read;
  const name = `corpus/${id}.npz`;
  if (read === 'missing') {
    damage.push(`${name} is missing`);
    return undefined;
  }
  await mkdir(join(folder, DAMAGED_FOLDER), { recursive: true });
  await rename(testcasePath(folder, id), join(folder, DAMAGED_FOLDER, `${id}.npz`));
  damage.push(`${name} is damaged: it is now in corpus/damaged/`);
  return undefined;
}

/** A testcase's file, read and checked against its id; what is wrong with it where it is not whole. */
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
 * Activations of the first `count` entries, one after the other; undefined where not all of them are there.
 *
 * @param width numbers in an entry's activations
 * @param damage that they are not is added to it
 */
export async function readVectors(
  folder: string,
  count: number,
  width: number,
  damage: string[],
): Promise<Float32Array | undefined> {
  const bytes = await readFile(join(folder, VECTORS_FILE)).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return Buffer.alloc(0);
    throw error;
  });
  const needed = count * width * Float32Array.BYTES_PER_ELEMENT;
  if (bytes.length < needed) {
    damage.push(`${VECTORS_FILE} is cut: the model is run on the corpus again`);
    return undefined;
  }
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + needed));
}

/**
 * Takes away what was written after the entries that count, testcases included: what a budget cut short brought may
 * not come again.
 *
 * @param kept ids of the entries that stay
 */
async function truncateAfter(
  folder: string,
  journalBytes: number,
  vectorBytes: number,
  kept: ReadonlySet<string>,
): Promise<void> {
  const bytes = await readFile(join(folder, JOURNAL_FILE)).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return Buffer.alloc(0);
    throw error;
  });
  for (const line of bytes.toString('utf8', journalBytes).split('\n')) {
    const id = parseRecord(line)?.id;
    if (id !== undefined && !kept.has(id)) await rm(testcasePath(folder, id), { force: true });
  }
  for (const [name, length] of [
    [JOURNAL_FILE, journalBytes],
    [VECTORS_FILE, vectorBytes],
  ] as const) {
    await truncate(join(folder, name), length).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
  }
}

/** A name that no file of the folder has yet: `journal.jsonl`, `journal-2.jsonl`, … */
async function unusedName(folder: string, stem: string, ending: string): Promise<string> {
  const taken = new Set(await readdir(folder));
  let name = `${stem}${ending}`;
  for (let n = 2; taken.has(name); n++) name = `${stem}-${n}${ending}`;
  return join(folder, name);
}

/** Sets the damaged journal aside and writes one of the sound entries alone. */
async function rewriteJournal(folder: string, entries: readonly StoredEntry[]): Promise<void> {
  await mkdir(join(folder, DAMAGED_FOLDER), { recursive: true });
  const aside = await unusedName(join(folder, DAMAGED_FOLDER), 'journal', '.jsonl');
  await copyFile(join(folder, JOURNAL_FILE), aside).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
  await writeDurably(join(folder, JOURNAL_FILE), entries.map(formatRecord).join(''));
}

/** Replaces the stored activations, in the order of the entries. */
export async function writeVectors(folder: string, vectors: readonly Float32Array[]): Promise<void> {
  const bytes = Buffer.concat(vectors.map((v) => Buffer.from(v.buffer, v.byteOffset, v.byteLength)));
  await writeDurably(join(folder, VECTORS_FILE), bytes);
}
