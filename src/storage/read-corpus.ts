import { copyFile, mkdir, readdir, rename, rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { writeDurably } from '../core/atomic-file.ts';
import type { TestcaseData } from '../inputs/testcase.ts';
import type { InputSpec } from '../model/model.ts';
import {
  CORPUS_FOLDER,
  formatRecord,
  JOURNAL_FILE,
  loadTestcase,
  parseRecord,
  readJournal,
  readOrEmpty,
  readVectors,
  type StoredEntry,
  testcasePath,
  VECTORS_FILE,
} from './journal.ts';

const DAMAGED_FOLDER = join(CORPUS_FOLDER, 'damaged');

/** Number of testcase files read concurrently. */
const READ_CONCURRENCY = 16;

/** A corpus read from disk. */
export interface StoredCorpus {
  readonly entries: readonly StoredEntry[];
  /** Descriptions of damaged files, which were set aside; their entries are missing. */
  readonly damage: readonly string[];
}

/**
 * Reads the first `count` corpus entries and removes what was written after them: the resumed campaign starts there and
 * writes the rest again. An incomplete last line is not damage. Damaged files are moved to corpus/damaged/, and the journal is
 * rewritten without their entries.
 *
 * @param inputs inputs without the batch dimension
 * @param width length of an entry's activation vector
 */
export async function readCorpus(
  folder: string,
  inputs: readonly InputSpec[],
  count: number,
  width: number,
): Promise<StoredCorpus> {
  const damage: string[] = [];
  const { lines, endOffset } = await readJournal(folder, count, damage);
  const vectors = await readVectors(folder, count, width, damage);
  const entries: StoredEntry[] = [];
  const ids = new Set<string>();
  for (let from = 0; from < lines.length; from += READ_CONCURRENCY) {
    const batch = lines.slice(from, from + READ_CONCURRENCY);
    const testcases = await Promise.all(
      batch.map(({ record }) => readOrSetAside(folder, inputs, record.id, damage)),
    );
    batch.forEach(({ record, index }, i) => {
      const data = testcases[i];
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
  else await truncateAfter(folder, endOffset, count * width * Float32Array.BYTES_PER_ELEMENT, ids);
  return { entries, damage };
}

/** Reads an entry's testcase. A damaged file is moved to corpus/damaged/. */
async function readOrSetAside(
  folder: string,
  inputs: readonly InputSpec[],
  id: string,
  damage: string[],
): Promise<TestcaseData | undefined> {
  const testcase = await loadTestcase(testcasePath(folder, id), inputs, id);
  if (typeof testcase !== 'string') return testcase;
  const name = `corpus/${id}.npz`;
  if (testcase === 'missing') {
    damage.push(`${name} is missing`);
    return undefined;
  }
  await mkdir(join(folder, DAMAGED_FOLDER), { recursive: true });
  await rename(testcasePath(folder, id), join(folder, DAMAGED_FOLDER, `${id}.npz`));
  damage.push(`${name} is damaged: it is now in corpus/damaged/`);
  return undefined;
}

/**
 * Removes what was written after the checkpoint, testcases included. The resumed campaign does not necessarily find them again.
 *
 * @param kept IDs of the entries that remain
 */
async function truncateAfter(
  folder: string,
  journalBytes: number,
  vectorBytes: number,
  kept: ReadonlySet<string>,
): Promise<void> {
  const bytes = await readOrEmpty(join(folder, JOURNAL_FILE));
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

/** The first unused file name of `journal.jsonl`, `journal-2.jsonl`, … in a folder. */
async function unusedName(folder: string, stem: string, extension: string): Promise<string> {
  const taken = new Set(await readdir(folder));
  let name = `${stem}${extension}`;
  for (let n = 2; taken.has(name); n++) name = `${stem}-${n}${extension}`;
  return join(folder, name);
}

/** Copies the damaged journal to corpus/damaged/ and replaces it by one of the intact entries. */
async function rewriteJournal(folder: string, entries: readonly StoredEntry[]): Promise<void> {
  await mkdir(join(folder, DAMAGED_FOLDER), { recursive: true });
  const backup = await unusedName(join(folder, DAMAGED_FOLDER), 'journal', '.jsonl');
  await copyFile(join(folder, JOURNAL_FILE), backup).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
  await writeDurably(join(folder, JOURNAL_FILE), entries.map(formatRecord).join(''));
}
