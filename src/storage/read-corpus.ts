import { copyFile, mkdir, readdir, rename, rm, truncate } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { writeAtomically, writeDurably } from '../core/atomic-file.ts';
import { crc32Hex } from '../core/checksum.ts';
import { plural } from '../core/format-number.ts';
import { encodeTestcaseParts } from '../inputs/testcase.ts';
import type { InputSpec } from '../model/model.ts';
import {
  CORPUS_FOLDER,
  type IndexedLine,
  JOURNAL_FILE,
  journalText,
  type LoadedTestcase,
  loadTestcase,
  readJournal,
  readOrEmpty,
  readVectors,
  type StoredEntry,
  testcasePath,
  VECTORS_FILE,
  type WrittenEntry,
  writeVectors,
} from './journal.ts';
import { parseLine } from './journal-line.ts';
import { DAMAGED_FOLDER, setAside, unusedPath } from './set-aside.ts';

/** Name of a testcase's file. */
const TESTCASE_NAME = /^[0-9a-f]{16}\.npz$/;

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
 * writes the rest again. An incomplete last line is not damage. Damaged testcases are moved to corpus/damaged/; where there is damage,
 * the caller writes the entries that remain with `replaceCorpus`.
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
  const vectors = await readVectors(folder, lines, count, width, damage);
  const entries: StoredEntry[] = [];
  const ids = new Set<string>();
  for (let from = 0; from < lines.length; from += READ_CONCURRENCY) {
    const batch = lines.slice(from, from + READ_CONCURRENCY);
    const testcases = await Promise.all(batch.map((line) => readOrSetAside(folder, inputs, line, damage)));
    batch.forEach(({ record }, i) => {
      const testcase = testcases[i];
      if (testcase === undefined) return;
      if (!ids.has(record.ancestor) && record.ancestor !== record.id) {
        damage.push(`testcase ${record.id} is left out, because its ancestor ${record.ancestor} is damaged`);
        return;
      }
      ids.add(record.id);
      entries.push({ record, ...testcase, activations: vectors[from + i] });
    });
  }
  if (damage.length === 0)
    damage.push(
      ...(await truncateAfter(folder, endOffset, count * width * Float32Array.BYTES_PER_ELEMENT, ids)),
    );
  return { entries, damage };
}

/** Reads an entry's testcase. A damaged file is moved to corpus/damaged/, and written anew if its values are whole. */
async function readOrSetAside(
  folder: string,
  inputs: readonly InputSpec[],
  { record: { id }, checksums }: IndexedLine,
  damage: string[],
): Promise<LoadedTestcase | undefined> {
  const path = testcasePath(folder, id);
  const testcase = await loadTestcase(path, inputs, id);
  const name = `${CORPUS_FOLDER}/${id}.npz`;
  if (testcase === 'missing') {
    damage.push(`${name} is missing`);
    return undefined;
  }
  const isWhole = typeof testcase !== 'string';
  if (isWhole && (checksums === undefined || checksums.file === testcase.fileCrc32)) return testcase;
  const aside = await setAside(folder, name);
  if (!isWhole) {
    damage.push(`${name} is damaged: it is now in ${aside}`);
    return undefined;
  }
  const parts = encodeTestcaseParts(testcase.data);
  await writeAtomically(path, parts);
  damage.push(
    `${name} is damaged outside its values: it is written again, and the damaged file is now in ${aside}`,
  );
  return { data: testcase.data, fileCrc32: crc32Hex(parts) };
}

/**
 * Removes what was written after the checkpoint, testcases included. The resumed campaign does not necessarily find them again. Testcases
 * that only a damaged line tells of are set aside.
 *
 * @param kept IDs of the entries that remain
 * @returns a description of the damage among what is removed
 */
async function truncateAfter(
  folder: string,
  journalBytes: number,
  vectorBytes: number,
  kept: ReadonlySet<string>,
): Promise<string[]> {
  const bytes = await readOrEmpty(join(folder, JOURNAL_FILE));
  const text = bytes.toString('utf8', journalBytes);
  for (const id of otherTestcases(text, kept))
    await rm(testcasePath(folder, id), { force: true, recursive: true });
  // What follows the last line break is a line that a killed process had not finished.
  const damagedLines = text
    .split('\n')
    .slice(0, -1)
    .filter((line) => parseLine(line) === undefined).length;
  const aside = damagedLines === 0 ? [] : await setStraysAside(folder, kept);
  for (const [name, length] of [
    [JOURNAL_FILE, journalBytes],
    [VECTORS_FILE, vectorBytes],
  ] as const) {
    await truncate(join(folder, name), length).catch(ignoreMissing);
  }
  return damagedLines === 0
    ? []
    : [
        `${plural(damagedLines, 'line')} at the end of ${JOURNAL_FILE} ${damagedLines === 1 ? 'is' : 'are'} damaged: the campaign continues from before them, and ${plural(aside.length, 'testcase')} set aside`,
      ];
}

/** Sets aside the testcases that no line of the journal tells of. */
async function setStraysAside(folder: string, kept: ReadonlySet<string>): Promise<string[]> {
  const strays = (await readdir(join(folder, CORPUS_FOLDER))).filter(
    (name) => TESTCASE_NAME.test(name) && !kept.has(basename(name, '.npz')),
  );
  for (const name of strays) await setAside(folder, `${CORPUS_FOLDER}/${name}`);
  return strays;
}

function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}

/** IDs in journal lines but those that remain. */
function otherTestcases(text: string, kept: ReadonlySet<string>): string[] {
  const ids = text.split('\n').flatMap((line) => parseLine(line)?.record.id ?? []);
  return ids.filter((id) => !kept.has(id));
}

/**
 * Replaces journal and activations by those of the entries that remain after damage. The journal is copied to corpus/damaged/, and
 * testcases of its other lines are moved there.
 */
export async function replaceCorpus(folder: string, entries: readonly WrittenEntry[]): Promise<void> {
  const aside = join(folder, CORPUS_FOLDER, DAMAGED_FOLDER);
  const journal = join(folder, JOURNAL_FILE);
  await mkdir(aside, { recursive: true });
  for (const path of [JOURNAL_FILE, VECTORS_FILE]) await setAsideIfFolder(folder, path);
  const text = await readOrEmpty(journal);
  if (text.length > 0) await copyFile(journal, await unusedPath(join(aside, 'journal.jsonl')));
  // A line whose activations are another entry's has a checksum that tells: the order of the two writes is no matter.
  await writeVectors(
    folder,
    entries.map(({ activations }) => activations),
  );
  await writeDurably(journal, journalText(entries));
  for (const id of otherTestcases(text.toString('utf8'), new Set(entries.map(({ record }) => record.id))))
    await rename(testcasePath(folder, id), join(aside, `${id}.npz`)).catch(ignoreMissing);
}

/** Moves a folder aside that is where a file should be. */
async function setAsideIfFolder(folder: string, path: string): Promise<void> {
  const names = await readdir(join(folder, path)).catch(() => undefined);
  if (names !== undefined) await setAside(folder, path);
}
