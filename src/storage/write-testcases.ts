import { setImmediate } from 'node:timers/promises';
import { writeAtomically, writeAtomicallySync } from '../core/atomic-file.ts';
import { encodeTestcaseParts, type TestcaseData } from '../inputs/testcase.ts';
import { testcasePath } from './journal.ts';

/** Number of large files written concurrently. */
const WRITE_CONCURRENCY = 16;

/** Bytes up to which a file is small, and milliseconds for which small ones are written before other work has its turn. */
const MAX_SMALL_BYTES = 1 << 16;
const SMALL_FILES_MS = 25;

/** A testcase of the corpus with its id. */
interface IdentifiedTestcase {
  readonly id: string;
  readonly data: TestcaseData;
}

/**
 * Writes the files of testcases. Small ones are written synchronously: each of an asynchronous one's steps waits until the main
 * process has a moment, and where it admits hundreds of entries in between, they would never all be on disk.
 *
 * @param onEncoded gets the content of each testcase's file
 */
export async function writeTestcases<T extends IdentifiedTestcase>(
  folder: string,
  testcases: readonly T[],
  onEncoded: (testcase: T, parts: readonly Uint8Array[]) => void,
): Promise<void> {
  let large: Promise<void>[] = [];
  let turnStart = performance.now();
  for (const testcase of testcases) {
    const path = testcasePath(folder, testcase.id);
    const parts = encodeTestcaseParts(testcase.data);
    onEncoded(testcase, parts);
    const [first] = parts;
    if (parts.length === 1 && first.length <= MAX_SMALL_BYTES) writeAtomicallySync(path, first);
    else large.push(startWriting(path, parts));
    if (large.length < WRITE_CONCURRENCY && performance.now() - turnStart < SMALL_FILES_MS) continue;
    await Promise.all([...large, setImmediate()]);
    large = [];
    turnStart = performance.now();
  }
  await Promise.all(large);
}

function startWriting(path: string, parts: readonly Uint8Array[]): Promise<void> {
  const written = writeAtomically(path, parts.length === 1 ? parts[0] : parts);
  // Nobody awaits it where another one fails first.
  written.catch(() => {});
  return written;
}
