import { existsSync } from 'node:fs';
import { appendFile, mkdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { stringify } from 'yaml';
import { rebasePaths } from '../config/rebase-paths.ts';
import { writeAtomically, writeDurably, writeFolderDurably } from '../core/atomic-file.ts';
import { crc32Hex, withChecksum } from '../core/checksum.ts';
import { fileError, lostFileError } from '../core/errors.ts';
import { folderBytes } from '../core/folder-bytes.ts';
import type { NewCorpusEntry } from '../fuzzer/corpus/corpus-entry.ts';
import { byteLengthOf, encodeTestcase, type TestcaseData, testcaseId } from '../inputs/testcase.ts';
import { type Checkpoint, writeCheckpoint } from './checkpoint.ts';
import { type Finding, FORMAT_VERSION, type SignatureRecord } from './finding.ts';
import { CHECKSUM_FILE, checksumLines, damagedFiles } from './finding-checksums.ts';
import { FINDING_FILE, SIGNATURE_FILE } from './finding-files.ts';
import { appendEntries, CORPUS_FOLDER, STATE_FOLDER } from './journal.ts';
import { setAside } from './set-aside.ts';
import { signManifest } from './trust/manifest-signature.ts';
import { pluginPaths } from './trust/plugin-paths.ts';
import { writeTestcases } from './write-testcases.ts';

export const CAMPAIGN_FILE = 'campaign.yaml';

/** Baseline file in the folder of a campaign that is compared with no other baseline: states and notes that `view` writes. */
export const OWN_BASELINE_FILE = 'baseline.json';

/** The latest statistics, a line of them at intervals, and events with clock times. */
export const STATISTICS_FILE = 'stats.json';
export const STATISTICS_LOG_FILE = 'stats.jsonl';
export const EVENTS_FILE = 'events.jsonl';

/** Bytes that are queued at most, before the campaign waits for the disk; and those of the objects that hold an entry. */
const MAX_QUEUED_BYTES = 32 << 20;
const ENTRY_OBJECT_BYTES = 2048;

/**
 * Writes a campaign's folder: manifest, corpus, checkpoints, findings, statistics and events. Only statistics, checkpoints
 * and signature records are ever replaced; everything else is written once.
 */
export class CampaignStore {
  readonly folder: string;
  #pending: NewCorpusEntry[] = [];
  #lastFlush: Promise<void> = Promise.resolve();
  #writtenEntries = 0;
  #queuedBytes = 0;
  #bytes = 0;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /**
   * Creates the campaign's folder and its manifest. The caller holds the folder's lock.
   *
   * @throws UserError if the folder is not writable, MachineError if the disk is full
   */
  static async create(folder: string, settings: Readonly<Record<string, unknown>>): Promise<CampaignStore> {
    const store = new CampaignStore(folder);
    await store.#guard(async () => {
      await store.#makeFolders();
      const text = stringify({ formatVersion: FORMAT_VERSION, ...settings });
      const plugins = pluginPaths(rebasePaths(settings, folder));
      await writeDurably(join(folder, CAMPAIGN_FILE), await signManifest(text, plugins));
    }, fileError);
    return store;
  }

  /**
   * Opens the folder of an existing campaign. The caller holds the folder's lock.
   *
   * @param entries number of journal records that belong to the checkpoint from which the campaign resumes
   */
  static async open(folder: string, entries: number): Promise<CampaignStore> {
    const store = new CampaignStore(folder);
    await store.#guard(async () => {
      await store.#makeFolders();
      store.#bytes = await folderBytes(folder);
    }, fileError);
    store.#writtenEntries = entries;
    return store;
  }

  /** Number of corpus entries on disk: these are the first ones in insertion order. */
  get writtenEntries(): number {
    return this.#writtenEntries;
  }

  /** Approximate size of the folder in bytes: a file that is replaced counts once. */
  get bytes(): number {
    return this.#bytes;
  }

  async #makeFolders(): Promise<void> {
    for (const name of [CORPUS_FOLDER, 'findings', STATE_FOLDER]) {
      await mkdir(join(this.folder, name), { recursive: true });
    }
  }

  /** Corrects the number of entries on disk after damaged ones were removed. */
  setWrittenEntries(entries: number): void {
    this.#writtenEntries = entries;
  }

  /** Queues a corpus entry for the next `flush`. */
  addEntry(entry: NewCorpusEntry): void {
    this.#pending.push(entry);
    this.#queuedBytes += queuedBytesOf(entry);
  }

  /** Whether more entries are not on disk yet than memory should hold: the campaign then awaits a `flush`. */
  get isBehind(): boolean {
    return this.#queuedBytes > MAX_QUEUED_BYTES;
  }

  /**
   * Writes the queued entries and then the checkpoint. Testcases precede the journal and the journal precedes the
   * checkpoint, so that neither refers to data that is missing after a crash. Flushes run one after another; the campaign
   * need not await them.
   *
   * @param checkpoint the campaign's current state, including all queued entries
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
    const fileCrc32s = new Map<string, string>();
    await writeTestcases(this.folder, entries, ({ id }, parts) => {
      this.#bytes += parts.reduce((sum, part) => sum + part.length, 0);
      fileCrc32s.set(id, crc32Hex(parts));
    });
    this.#bytes += await appendEntries(
      this.folder,
      entries.map((record) => {
        const fileCrc32 = fileCrc32s.get(record.id) ?? '';
        return { record, activations: record.activations, fileCrc32 };
      }),
    );
    this.#writtenEntries += entries.length;
    for (const entry of entries) this.#queuedBytes -= queuedBytesOf(entry);
  }

  /**
   * Reads a finding that is on disk although the checkpoint does not include it, because the campaign was killed in between.
   *
   * @param folder path of the finding relative to the campaign's folder
   * @returns undefined if there is none, or it is damaged
   */
  async readFinding(folder: string): Promise<Finding | undefined> {
    const path = join(this.folder, folder);
    if (damagedFiles(path).length > 0) return undefined;
    try {
      return JSON.parse(await readFile(join(path, FINDING_FILE), 'utf8')) as Finding;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT' || error instanceof SyntaxError)
        return undefined;
      throw fileError(error, 'read the campaign folder', this.folder);
    }
  }

  /**
   * Writes a finding's folder atomically; it is on disk when the promise resolves.
   *
   * @param folder path of the finding relative to the campaign's folder
   * @param artifacts content of the files beside `finding.json`, by name; see `renderFindingArtifacts`
   */
  async writeFinding(
    folder: string,
    finding: Finding,
    artifacts: ReadonlyMap<string, Uint8Array>,
  ): Promise<void> {
    const files = new Map<string, string | Uint8Array>([...artifacts, [FINDING_FILE, toJson(finding)]]);
    files.set(CHECKSUM_FILE, checksumLines(files));
    for (const content of files.values()) this.#bytes += content.length;
    await this.#guard(async () => {
      // A finding that is there has been read before: this one is damaged.
      if (existsSync(join(this.folder, folder))) await setAside(this.folder, folder);
      await writeFolderDurably(join(this.folder, folder), files);
    });
  }

  /** Stores a testcase on which a plug-in threw; returns its path relative to the folder. */
  async writePluginFailure(objective: string, data: TestcaseData): Promise<string> {
    const path = join('plugin-failures', objective, `${testcaseId(data)}.npz`);
    await this.#guard(async () => {
      await mkdir(join(this.folder, dirname(path)), { recursive: true });
      await writeDurably(join(this.folder, path), encodeTestcase(data));
    });
    return path;
  }

  /**
   * Replaces a signature's record.
   *
   * @param apart whether the fault depends on the machine and is stored under `unrepeatable`
   */
  async writeSignature(record: SignatureRecord, apart: boolean): Promise<void> {
    const parent = join(this.folder, 'findings', apart ? 'unrepeatable' : '', record.signature);
    await this.#guard(async () => {
      await mkdir(parent, { recursive: true });
      await writeDurably(join(parent, SIGNATURE_FILE), withChecksum(toJson(record)));
    });
  }

  /**
   * Replaces stats.json atomically and appends a line to stats.jsonl.
   *
   * @param latest statistics that only stats.json contains
   */
  async writeStats(
    statistics: Readonly<Record<string, unknown>>,
    latest: Readonly<Record<string, unknown>> = {},
  ): Promise<void> {
    const record = { formatVersion: FORMAT_VERSION, ...statistics };
    await this.#guard(async () => {
      const text = withChecksum(toJson({ ...record, ...latest }));
      await writeAtomically(join(this.folder, STATISTICS_FILE), text);
      const line = `${withChecksum(JSON.stringify(record))}\n`;
      this.#bytes += line.length;
      await appendFile(join(this.folder, STATISTICS_LOG_FILE), line);
    });
  }

  /** Appends an event with the current time to events.jsonl. */
  async appendEvent(event: string, details: Readonly<Record<string, unknown>> = {}): Promise<void> {
    const record = { v: FORMAT_VERSION, time: new Date().toISOString(), event, ...details };
    const line = withChecksum(JSON.stringify(record));
    await this.#guard(() => appendFile(join(this.folder, EVENTS_FILE), `${line}\n`));
  }

  async #guard(write: () => Promise<void>, toError: typeof fileError = lostFileError): Promise<void> {
    try {
      await write();
    } catch (error) {
      throw toError(error, 'write to the campaign folder', this.folder);
    }
  }
}

function queuedBytesOf({ data, activations }: NewCorpusEntry): number {
  return byteLengthOf(data) + activations.byteLength + ENTRY_OBJECT_BYTES;
}

function toJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
