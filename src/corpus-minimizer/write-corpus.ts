import { cp, mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { UNFINISHED_PREFIX, writeAtomically, writeDurably } from '../core/atomic-file.ts';
import { withChecksum } from '../core/checksum.ts';
import { UserError } from '../core/errors.ts';
import {
  CORPUS_FOLDER,
  JOURNAL_FILE,
  journalText,
  STATE_FOLDER,
  testcasePath,
  writeVectors,
} from '../storage/journal.ts';
import { DISTILLED_FILE, type DistilledRecord, readDistilledRecord } from './distilled-record.ts';
import { forEachConcurrently } from './for-each-concurrently.ts';
import type { MergedEntry } from './merged-corpus.ts';

/** Holds the digest of the corpus that an unfinished folder is to become. */
const PLAN_FILE = 'distilling.json';

/**
 * Whether a folder holds a complete distilled corpus already.
 *
 * @param digest of the corpus that is to be there
 * @throws UserError where the folder holds something else
 */
export async function isComplete(folder: string, digest: string): Promise<boolean> {
  const names = (await readdir(folder)).filter(
    (name) => name !== 'lock' && !name.startsWith(UNFINISHED_PREFIX),
  );
  if (names.length === 0) return false;
  const isFinished = names.includes(DISTILLED_FILE);
  if (!isFinished && !names.includes(PLAN_FILE))
    throw new UserError(`${folder} is not empty: choose another folder with --out`);
  const recorded = isFinished
    ? (await readDistilledRecord(join(folder, DISTILLED_FILE))).digest
    : await readPlannedDigest(join(folder, PLAN_FILE));
  if (recorded !== digest)
    throw new UserError(
      `${folder} holds ${isFinished ? 'another distilled corpus' : 'another one, unfinished'}: choose another folder with --out`,
    );
  return isFinished;
}

async function readPlannedDigest(path: string): Promise<string | undefined> {
  return (JSON.parse(await readFile(path, 'utf8')) as { readonly digest?: string }).digest;
}

/**
 * Writes a distilled corpus, or the rest of one that was interrupted. The record comes last.
 *
 * @param fileCrc32s of the entries' testcases, by their ids
 * @param findings by their path within `findings/`, the folders that they are copied from
 * @param onWritten called with the testcases that are written, of all
 */
export async function writeDistilledCorpus(
  folder: string,
  entries: readonly MergedEntry[],
  record: DistilledRecord,
  fileCrc32s: ReadonlyMap<string, string>,
  findings: ReadonlyMap<string, string>,
  onWritten: (done: number, total: number) => void = () => {},
): Promise<void> {
  await writeDurably(join(folder, PLAN_FILE), `${JSON.stringify({ digest: record.digest })}\n`);
  for (const name of [CORPUS_FOLDER, STATE_FOLDER]) await mkdir(join(folder, name), { recursive: true });
  const present = new Set(await readdir(join(folder, CORPUS_FOLDER)));
  const missing = entries.filter(({ record: { id } }) => !present.has(`${id}.npz`));
  let written = entries.length - missing.length;
  await forEachConcurrently(missing, async ({ record: { id }, folder: source }) => {
    await writeAtomically(testcasePath(folder, id), await readFile(testcasePath(source, id)));
    written++;
    onWritten(written, entries.length);
  });
  for (const [path, source] of findings) await copyFinding(source, join(folder, 'findings', path));
  await writeVectors(
    folder,
    entries.map(({ vector }) => vector),
  );
  const lines = entries.map((entry) => ({
    record: entry.record,
    activations: entry.vector,
    fileCrc32: fileCrc32s.get(entry.record.id) ?? '',
  }));
  await writeDurably(join(folder, JOURNAL_FILE), journalText(lines));
  await writeDurably(join(folder, DISTILLED_FILE), withChecksum(`${JSON.stringify(record, null, 2)}\n`));
  await rm(join(folder, PLAN_FILE));
}

async function copyFinding(from: string, to: string): Promise<void> {
  const parent = dirname(to);
  await mkdir(parent, { recursive: true });
  if ((await readdir(parent)).includes(basename(to))) return;
  const unfinished = join(parent, `${UNFINISHED_PREFIX}${basename(to)}`);
  await rm(unfinished, { recursive: true, force: true });
  await cp(from, unfinished, { recursive: true });
  await rename(unfinished, to);
}
