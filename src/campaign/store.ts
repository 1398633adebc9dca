import { appendFile, mkdir, mkdtemp, open, readdir, rmdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { stringify } from 'yaml';
import { fileError, UserError } from '../errors.ts';
import { encodePng, pictureShape } from '../inputs/png.ts';
import type { RowInput } from '../models/rows.ts';
import { readNumber } from '../models/tensor.ts';
import type { Range } from '../mutators/constraint.ts';
import { UNFINISHED, writeDurably, writeFolderDurably, writeWhole } from './atomic.ts';
import { type Finding, FORMAT_VERSION, findingFolder, type SignatureRecord } from './finding.ts';
import { encodeTestcase, type Lineage, type TestcaseData } from './testcase.ts';

export const CAMPAIGN_FILE = 'campaign.yaml';

/** Files written at the same time. */
const AT_ONCE = 16;

/** A corpus entry on its way to disk. */
export interface JournalEntry extends Lineage {
  readonly data: TestcaseData;
  /** Squared L2 distance to the nearest activations when it was added; null for a seed. */
  readonly novelty: number | null;
  readonly task: number;
}

/**
 * Refuses a folder that can't become this campaign's, before anything ran or was written.
 *
 * @throws UserError where it holds a campaign or other files, or where nothing can be written
 */
export async function checkFolder(folder: string): Promise<void> {
  let entries: string[];
  try {
    entries = await readdir(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
      throw fileError(error, 'use the campaign folder', folder);
    await checkWritable(folder);
    return;
  }
  if (entries.includes(CAMPAIGN_FILE)) {
    throw new UserError(`${folder} holds another campaign: choose another folder with --out`);
  }
  if (entries.length > 0) throw new UserError(`${folder} is not empty: choose another folder with --out`);
  await checkWritable(join(folder, 'x'));
}

/** Asks the nearest folder that exists, by a trial folder that is taken away at once. */
async function checkWritable(folder: string): Promise<void> {
  let parent = dirname(folder);
  for (;;) {
    try {
      if ((await stat(parent)).isDirectory()) break;
      throw new UserError(`cannot create the campaign folder ${folder}: ${parent} is a file, not a folder`);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
        if (error instanceof UserError) throw error;
        throw fileError(error, 'create the campaign folder', folder);
      }
      parent = dirname(parent);
    }
  }
  try {
    await rmdir(await mkdtemp(join(parent, UNFINISHED)));
  } catch (error) {
    throw fileError(error, 'create the campaign folder', folder);
  }
}

/** Writes a campaign's folder. Nothing that is there already is overwritten but figures by newer ones. */
export class Store {
  readonly folder: string;
  readonly #inputs: readonly RowInput[];
  readonly #ranges: readonly Range[];
  #waiting: JournalEntry[] = [];
  #flushed: Promise<void> = Promise.resolve();

  private constructor(folder: string, inputs: readonly RowInput[], ranges: readonly Range[]) {
    this.folder = folder;
    this.#inputs = inputs;
    this.#ranges = ranges;
  }

  /**
   * Makes the campaign's folder; of two processes that try, one gets it.
   *
   * @param ranges of each input, what is black and white in pictures of findings
   * @throws UserError where the folder is taken or can't be written, MachineError where the disk is full
   */
  static async create(
    folder: string,
    settings: Readonly<Record<string, unknown>>,
    inputs: readonly RowInput[],
    ranges: readonly Range[],
  ): Promise<Store> {
    await checkFolder(folder);
    const file = join(folder, CAMPAIGN_FILE);
    try {
      await mkdir(folder, { recursive: true });
      const handle = await open(file, 'wx');
      try {
        await handle.writeFile(stringify({ formatVersion: FORMAT_VERSION, ...settings }));
        await handle.sync();
      } finally {
        await handle.close();
      }
      await mkdir(join(folder, 'corpus'));
      await mkdir(join(folder, 'findings'));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') {
        throw new UserError(`${folder} holds another campaign: choose another folder with --out`);
      }
      throw fileError(error, 'create the campaign folder', folder);
    }
    return new Store(folder, inputs, ranges);
  }

  /** Puts a corpus entry in line for the next `flush`. */
  add(entry: JournalEntry): void {
    this.#waiting.push(entry);
  }

  /**
   * Writes the entries in line, testcases first, so that the journal names none that is missing. Calls
   * follow one another; the campaign need not wait, since creating files is the system's work.
   */
  flush(): Promise<void> {
    this.#flushed = this.#flushed.then(() => this.#guard(() => this.#writeWaiting()));
    return this.#flushed;
  }

  async #writeWaiting(): Promise<void> {
    const entries = this.#waiting;
    if (entries.length === 0) return;
    this.#waiting = [];
    for (let from = 0; from < entries.length; from += AT_ONCE) {
      await Promise.all(
        entries
          .slice(from, from + AT_ONCE)
          .map(({ id, data }) =>
            writeWhole(join(this.folder, 'corpus', `${id}.npz`), encodeTestcase(this.#inputs, data)),
          ),
      );
    }
    const lines = entries.map(
      ({ data: _data, ...line }) => `${JSON.stringify({ v: FORMAT_VERSION, ...journalLine(line) })}\n`,
    );
    const handle = await open(join(this.folder, 'corpus', 'journal.jsonl'), 'a');
    try {
      await handle.writeFile(lines.join(''));
      await handle.sync();
    } finally {
      await handle.close();
    }
  }

  /**
   * Puts a finding on disk before it returns.
   *
   * @param batch the whole batch, where the finding depends on it
   * @returns its folder, within the campaign's
   */
  async keep(finding: Finding, data: TestcaseData, batch?: TestcaseData): Promise<string> {
    const files = new Map<string, string | Uint8Array>();
    files.set('input.npz', encodeTestcase(this.#inputs, data));
    if (finding.batch !== undefined && batch !== undefined) {
      files.set('batch.npz', encodeTestcase(this.#inputs, batch, finding.batch.rows));
    }
    const picture = this.#inputs.findIndex((input) => pictureShape(input.shape) !== undefined);
    if (picture >= 0) {
      const input = this.#inputs[picture];
      const values = Float64Array.from({ length: input.size }, (_, i) =>
        readNumber(input.type, data[picture], i),
      );
      const { low, high } = this.#ranges[picture];
      files.set('input.png', await encodePng(values, input.shape, low, high));
    }
    files.set('finding.json', json(finding));
    const folder = findingFolder(finding.signature, finding.id, finding.status);
    await this.#guard(() => writeFolderDurably(join(this.folder, folder), files));
    return folder;
  }

  /** Replaces a signature's record. */
  async signature(record: SignatureRecord, flakyOnly: boolean): Promise<void> {
    const parent = join(this.folder, 'findings', flakyOnly ? 'unrepeatable' : '', record.signature);
    await this.#guard(async () => {
      await mkdir(parent, { recursive: true });
      await writeDurably(join(parent, 'signature.json'), json(record));
    });
  }

  /** Replaces stats.json in one rename and adds a line to stats.jsonl. */
  async stats(figures: Readonly<Record<string, unknown>>): Promise<void> {
    const all = { formatVersion: FORMAT_VERSION, ...figures };
    await this.#guard(async () => {
      await writeWhole(join(this.folder, 'stats.json'), json(all));
      await appendFile(join(this.folder, 'stats.jsonl'), `${JSON.stringify(all)}\n`);
    });
  }

  /** Adds an event with the clock's time. */
  async event(event: string, details: Readonly<Record<string, unknown>> = {}): Promise<void> {
    const line = JSON.stringify({ v: FORMAT_VERSION, time: new Date().toISOString(), event, ...details });
    await this.#guard(() => appendFile(join(this.folder, 'events.jsonl'), `${line}\n`));
  }

  async #guard(write: () => Promise<void>): Promise<void> {
    try {
      await write();
    } catch (error) {
      throw fileError(error, 'write to the campaign folder', this.folder);
    }
  }
}

/** What the journal says of an entry, in a fixed order. */
function journalLine(entry: Omit<JournalEntry, 'data'>): Omit<JournalEntry, 'data'> {
  const { id, parent, ancestor, generation, mutators, novelty, task } = entry;
  return { id, parent, ancestor, generation, mutators, novelty, task };
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
