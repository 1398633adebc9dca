import { appendFile, mkdir, mkdtemp, readdir, readFile, rmdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { stringify } from 'yaml';
import { UNFINISHED_PREFIX, writeAtomically, writeDurably, writeFolderDurably } from '../core/atomic-file.ts';
import { fileError, UserError } from '../core/errors.ts';
import type { PairOutputs } from '../evaluation/rerun-testcase.ts';
import type { NewCorpusEntry } from '../fuzzer/corpus/corpus-entry.ts';
import { encodePng } from '../inputs/formats/png.ts';
import type { ImageFormat } from '../inputs/image.ts';
import { encodeTestcase, type TestcaseData, testcaseId } from '../inputs/testcase.ts';
import { markText } from '../objectives/text/highlight.ts';
import { readNumber } from '../tensor/tensor.ts';
import { type Checkpoint, writeCheckpoint } from './checkpoint.ts';
import { type Finding, FORMAT_VERSION, type SignatureRecord } from './finding.ts';
import {
  ANSWER_FILE,
  encodeOutputs,
  OUTPUTS_FILE,
  REFERENCE_FILE,
  TRANSFORMED_FILE,
} from './finding-files.ts';
import { appendEntries, CORPUS_FOLDER, STATE_FOLDER, testcasePath } from './journal.ts';

export const CAMPAIGN_FILE = 'campaign.yaml';

/** What a campaign that was killed at its start may have left: such files, and such folders if empty. */
const LEFTOVER_FILES = /^(lock(\.break)?|\.tmp-.*)$/;
const LEFTOVER_FOLDERS = /^(corpus|findings|state)$/;

/** Files written at the same time. */
const WRITE_CONCURRENCY = 16;

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
    throw new UserError(
      `${folder} holds another campaign: go on with it by --resume, or choose another folder with --out`,
    );
  }
  for (const name of entries) {
    if (LEFTOVER_FILES.test(name)) continue;
    if (LEFTOVER_FOLDERS.test(name) && (await isEmptyFolder(join(folder, name)))) continue;
    throw new UserError(`${folder} is not empty: choose another folder with --out`);
  }
  await checkWritable(join(folder, 'x'));
}

async function isEmptyFolder(path: string): Promise<boolean> {
  return readdir(path).then(
    (names) => names.length === 0,
    () => false,
  );
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
    await rmdir(await mkdtemp(join(parent, UNFINISHED_PREFIX)));
  } catch (error) {
    throw fileError(error, 'create the campaign folder', folder);
  }
}

/** What lies beside a finding's testcase, where there is any. */
export interface FindingAttachments {
  /** The batch that it was found in. */
  readonly batch?: TestcaseData | undefined;
  /** What both runs gave, of two models or of a changed testcase. */
  readonly outputs?: PairOutputs | undefined;
  readonly transformed?: TestcaseData | undefined;
  /** What the time of a run is compared with. */
  readonly reference?: TestcaseData | undefined;
  /** The testcase as text, where it is one. */
  readonly text?: string | undefined;
}

/**
 * Writes a campaign's folder. Nothing that is there already is overwritten but figures and state by newer
 * ones.
 */
export class CampaignStore {
  readonly folder: string;
  readonly #pictures: readonly (ImageFormat | undefined)[];
  #pending: NewCorpusEntry[] = [];
  #lastFlush: Promise<void> = Promise.resolve();
  #writtenEntries = 0;
  #bytes = 0;

  private constructor(folder: string, pictures: readonly (ImageFormat | undefined)[]) {
    this.folder = folder;
    this.#pictures = pictures;
  }

  /**
   * Makes the campaign's folder, which the caller has locked.
   *
   * @param pictures of each input, what its values look like; undefined for those that are no pictures
   * @throws UserError where the folder can't be written, MachineError where the disk is full
   */
  static async create(
    folder: string,
    settings: Readonly<Record<string, unknown>>,
    pictures: readonly (ImageFormat | undefined)[],
  ): Promise<CampaignStore> {
    const store = new CampaignStore(folder, pictures);
    await store.#guard(async () => {
      await store.#makeFolders();
      const text = stringify({ formatVersion: FORMAT_VERSION, ...settings });
      await writeDurably(join(folder, CAMPAIGN_FILE), text);
    });
    return store;
  }

  /**
   * Goes on in a campaign's folder, which the caller has locked.
   *
   * @param entries how many of the journal belong to the state that the campaign goes on from
   */
  static async open(
    folder: string,
    pictures: readonly (ImageFormat | undefined)[],
    entries: number,
  ): Promise<CampaignStore> {
    const store = new CampaignStore(folder, pictures);
    await store.#guard(async () => {
      await store.#makeFolders();
      store.#bytes = await folderSize(folder);
    });
    store.#writtenEntries = entries;
    return store;
  }

  /** Entries that are on disk: the first so many. */
  get writtenEntries(): number {
    return this.#writtenEntries;
  }

  /** Bytes in the folder, more or less: files that are replaced count once. */
  get bytes(): number {
    return this.#bytes;
  }

  async #makeFolders(): Promise<void> {
    for (const name of [CORPUS_FOLDER, 'findings', STATE_FOLDER]) {
      await mkdir(join(this.folder, name), { recursive: true });
    }
  }

  /** Sets how many entries are on disk, where some turned out to be damaged. */
  setWrittenEntries(entries: number): void {
    this.#writtenEntries = entries;
  }

  /** Puts a corpus entry in line for the next `flush`. */
  addEntry(entry: NewCorpusEntry): void {
    this.#pending.push(entry);
  }

  /**
   * Writes the entries in line, testcases first, so that the journal names none that is missing, and then
   * the checkpoint, so that it counts on nothing that is missing. Calls follow one another; the campaign
   * need not wait, since creating files is the system's work.
   *
   * @param checkpoint the state at this moment, with all entries in line
   */
  flush(checkpoint: Omit<Checkpoint<unknown>, 'formatVersion'>): Promise<void> {
    const entries = this.#pending;
    this.#pending = [];
    const text = JSON.stringify({ formatVersion: FORMAT_VERSION, ...checkpoint });
    this.#lastFlush = this.#lastFlush.then(() =>
      this.#guard(async () => {
        await this.#writeEntries(entries);
        await writeCheckpoint(this.folder, text);
      }),
    );
    return this.#lastFlush;
  }

  async #writeEntries(entries: readonly NewCorpusEntry[]): Promise<void> {
    if (entries.length === 0) return;
    for (let from = 0; from < entries.length; from += WRITE_CONCURRENCY) {
      await Promise.all(
        entries.slice(from, from + WRITE_CONCURRENCY).map(({ id, data }) => {
          const bytes = encodeTestcase(data);
          this.#bytes += bytes.length;
          return writeAtomically(testcasePath(this.folder, id), bytes);
        }),
      );
    }
    this.#bytes += await appendEntries(
      this.folder,
      entries,
      entries.map(({ activations }) => activations),
    );
    this.#writtenEntries += entries.length;
  }

  /** A finding that is there already, since the campaign was killed after it was kept; else undefined. */
  async readFinding(folder: string): Promise<Finding | undefined> {
    try {
      return JSON.parse(await readFile(join(this.folder, folder, 'finding.json'), 'utf8')) as Finding;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT' || error instanceof SyntaxError)
        return undefined;
      throw fileError(error, 'read the campaign folder', this.folder);
    }
  }

  /**
   * Puts a finding on disk before it returns.
   *
   * @param folder where, within the campaign's
   * @param further the whole batch, kept where the finding depends on it; of a pair of models, what both gave
   */
  async writeFinding(
    folder: string,
    finding: Finding,
    data: TestcaseData,
    { batch, outputs, transformed, reference, text }: FindingAttachments = {},
  ): Promise<void> {
    const files = new Map<string, string | Uint8Array>();
    files.set('input.npz', encodeTestcase(data));
    if (finding.batch !== undefined && batch !== undefined) {
      files.set('batch.npz', encodeTestcase(batch, finding.batch.rows));
    }
    if (outputs !== undefined) files.set(OUTPUTS_FILE, encodeOutputs(outputs));
    if (transformed !== undefined) files.set(TRANSFORMED_FILE, encodeTestcase(transformed));
    if (reference !== undefined) files.set(REFERENCE_FILE, encodeTestcase(reference));
    for (const [name, testcase] of [
      ['input.png', data],
      ['changed.png', transformed],
    ] as const) {
      const picture = testcase === undefined ? undefined : await this.#drawPicture(testcase);
      if (picture !== undefined) files.set(name, picture);
    }
    if (text !== undefined) files.set('input.txt', text);
    const marked = markText(finding.violation.details);
    if (marked !== undefined) files.set(ANSWER_FILE, marked);
    files.set('finding.json', toJson(finding));
    for (const content of files.values()) this.#bytes += content.length;
    await this.#guard(() => writeFolderDurably(join(this.folder, folder), files));
  }

  /** The first input of a testcase that is a picture, as PNG; undefined where none is. */
  async #drawPicture({ form, inputs }: TestcaseData): Promise<Uint8Array | undefined> {
    const at = this.#pictures.findIndex((picture) => picture !== undefined);
    const picture = this.#pictures[at];
    if (picture === undefined) return undefined;
    const { type, shape, size } = form.inputs[at];
    const values = Float64Array.from({ length: size }, (_, i) => readNumber(type, inputs[at], i));
    const [height, width] = picture.channelsFirst ? shape.slice(1) : shape;
    return encodePng(values, picture, height, width);
  }

  /** Keeps a testcase on which a plug-in failed; returns its place in the folder. */
  async writePluginFailure(objective: string, data: TestcaseData): Promise<string> {
    const path = join('plugin-failures', objective, `${testcaseId(data)}.npz`);
    await this.#guard(async () => {
      await mkdir(join(this.folder, dirname(path)), { recursive: true });
      await writeDurably(join(this.folder, path), encodeTestcase(data));
    });
    return path;
  }

  /** Replaces a signature's record. */
  async writeSignature(record: SignatureRecord, apart: boolean): Promise<void> {
    const parent = join(this.folder, 'findings', apart ? 'unrepeatable' : '', record.signature);
    await this.#guard(async () => {
      await mkdir(parent, { recursive: true });
      await writeDurably(join(parent, 'signature.json'), toJson(record));
    });
  }

  /**
   * Replaces stats.json in one rename and adds a line to stats.jsonl.
   *
   * @param latest what stats.json has beside the figures of each line
   */
  async writeStats(
    figures: Readonly<Record<string, unknown>>,
    latest: Readonly<Record<string, unknown>> = {},
  ): Promise<void> {
    const all = { formatVersion: FORMAT_VERSION, ...figures };
    await this.#guard(async () => {
      await writeAtomically(join(this.folder, 'stats.json'), toJson({ ...all, ...latest }));
      const line = `${JSON.stringify(all)}\n`;
      this.#bytes += line.length;
      await appendFile(join(this.folder, 'stats.jsonl'), line);
    });
  }

  /** Adds an event with the clock's time. */
  async appendEvent(event: string, details: Readonly<Record<string, unknown>> = {}): Promise<void> {
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

/** Bytes of all files at and below a folder. */
async function folderSize(folder: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) bytes += (await stat(join(entry.parentPath, entry.name))).size;
  }
  return bytes;
}

function toJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
