import { dirname, join } from 'node:path';
import type { CampaignStatus, ViewUpdate } from '../protocol.ts';
import { CampaignReader } from './campaign-reader.ts';
import { fingerprint } from './fingerprint.ts';
import { FolderWatcher } from './folder-watcher.ts';
import { type CampaignSource, listCampaigns, type ViewTarget } from './sources.ts';

/** Interval at which files are looked at, and least pause between two looks, in milliseconds. */
const POLL_MS = 2_000;
const MIN_PAUSE_MS = 250;

/** A look that takes long is followed by a pause of this many times its duration. */
const PAUSE_FACTOR = 4;

interface LiveCampaign {
  readonly reader: CampaignReader;
  fingerprint: string;
  status: CampaignStatus;
}

/** Keeps the status of campaigns up to date while other processes write to their folders. */
export class LiveCampaigns {
  readonly #target: ViewTarget;
  readonly #replayLine: (folder: string) => string;
  readonly #onUpdate: (update: ViewUpdate) => void;
  readonly #onError: (error: unknown) => void;
  readonly #watcher = new FolderWatcher(() => this.#schedule(MIN_PAUSE_MS));
  #campaigns: readonly LiveCampaign[] = [];
  #timer: NodeJS.Timeout | undefined;
  #dueAt = Number.POSITIVE_INFINITY;
  #notBefore = 0;
  #refreshing: Promise<void> = Promise.resolve();
  #isClosed = false;

  /**
   * @param onUpdate is told what changed, after each look in which anything did
   * @param onError is told why a look failed; the next one may not
   */
  constructor(
    target: ViewTarget,
    replayLine: (folder: string) => string,
    onUpdate: (update: ViewUpdate) => void,
    onError: (error: unknown) => void,
  ) {
    this.#target = target;
    this.#replayLine = replayLine;
    this.#onUpdate = onUpdate;
    this.#onError = onError;
  }

  /** Statuses in their order. */
  get statuses(): readonly CampaignStatus[] {
    return this.#campaigns.map(({ status }) => status);
  }

  status(key: string): CampaignStatus | undefined {
    return this.#campaigns.find(({ status }) => status.key === key)?.status;
  }

  reader(key: string): CampaignReader | undefined {
    return this.#campaigns.find(({ status }) => status.key === key)?.reader;
  }

  /** Looks at all files now. Looks never overlap. */
  refresh(): Promise<void> {
    const look = this.#refreshing.then(() => this.#look());
    this.#refreshing = look.catch(() => {});
    return look;
  }

  /** Looks at intervals, and when something changes, until it is closed. */
  start(): void {
    this.#schedule(POLL_MS);
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#watcher.close();
    for (const { reader } of this.#campaigns) reader.close();
  }

  #schedule(delayMs: number): void {
    if (this.#isClosed) return;
    const dueAt = Math.max(performance.now() + delayMs, this.#notBefore);
    if (this.#timer !== undefined && this.#dueAt <= dueAt) return;
    clearTimeout(this.#timer);
    this.#dueAt = dueAt;
    this.#timer = setTimeout(async () => {
      this.#timer = undefined;
      const startMs = performance.now();
      await this.refresh().catch(this.#onError);
      this.#notBefore = performance.now() + PAUSE_FACTOR * (performance.now() - startMs);
      this.#schedule(POLL_MS);
    }, dueAt - performance.now());
  }

  async #look(): Promise<void> {
    const sources = await listCampaigns(this.#target);
    const changed: CampaignStatus[] = [];
    const before = this.#campaigns;
    const campaigns: LiveCampaign[] = [];
    for (const source of sources) {
      const known = before.find(({ reader }) => isSame(reader.source, source));
      const now = await fingerprint(source);
      if (known?.fingerprint === now) {
        campaigns.push(known);
        continue;
      }
      const reader = known?.reader ?? new CampaignReader(source, this.#replayLine);
      const status = await reader.status();
      if (JSON.stringify(status) !== JSON.stringify(known?.status)) changed.push(status);
      campaigns.push({ reader, fingerprint: now, status });
    }
    this.#campaigns = campaigns;
    const readers = new Set(campaigns.map(({ reader }) => reader));
    for (const { reader } of before) if (this.#isClosed || !readers.has(reader)) reader.close();
    this.#watcher.watch([...new Set(sources.flatMap(foldersToWatch))]);
    const order = campaigns.map(({ status }) => status.key);
    const isReordered = order.join() !== before.map(({ status }) => status.key).join();
    if (changed.length > 0 || isReordered) this.#onUpdate({ changed, order });
  }
}

function isSame(a: CampaignSource, b: CampaignSource): boolean {
  return a.key === b.key && a.folder === b.folder;
}

function foldersToWatch({ folder, against, nightly }: CampaignSource): string[] {
  return [folder, join(folder, 'findings'), dirname(against), ...(nightly === undefined ? [] : [nightly])];
}
