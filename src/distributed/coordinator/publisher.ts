import { createRequire } from 'node:module';
import type { ExecutorContext } from '../../campaign/run-campaign.ts';
import { packEntries } from '../../fuzzer/packed-entries.ts';
import type { CorpusEntryData } from '../../fuzzer/scheduling/task.ts';
import { packMessage } from '../protocol/codec.ts';
import { type CorpusPart, type Descriptor, MESSAGE_VERSION } from '../protocol/messages.ts';
import { type RedisSession, refreshHeartbeat } from '../protocol/session.ts';
import type { UploadBundle } from '../transfer/file-transfer.ts';
import type { CampaignUpload } from './upload-manifest.ts';

const { version } = createRequire(import.meta.url)('neurofuzz/package.json') as { version: string };

/** Entries in one part of the corpus, and bytes of their values beyond which it holds no more. */
const MAX_PART_ENTRIES = 512;
const MAX_PART_BYTES = 8 << 20;

/** Milliseconds after which files are put there again: far sooner than they are let go. */
const UPLOAD_INTERVAL_MS = 60_000;

/** What machines read of a campaign: what it is, its files, and its corpus in parts. */
export class CampaignPublisher {
  readonly #session: RedisSession;
  readonly #context: Pick<ExecutorContext, 'corpusSource'>;
  readonly #descriptor: Descriptor;
  /** All files that machines fetch. */
  readonly #uploads: readonly UploadBundle[];
  #isDescribed = false;
  /** When its files were put there last. */
  #uploadedAt = 0;
  /** First entries of the parts of the corpus that are out, and what follows the last one: published again they are the same. */
  readonly #partBounds: number[] = [0];

  constructor(
    place: RedisSession,
    campaign: ExecutorContext,
    { model, secondModel, files, plugins }: CampaignUpload,
    { name, mixed }: { readonly name: string; readonly mixed: boolean },
  ) {
    const { setup, loading, timeout, referenceRuns, corpusSource } = campaign;
    this.#session = place;
    this.#context = campaign;
    this.#uploads = [
      model,
      ...(secondModel === undefined ? [] : [secondModel]),
      ...files.map(({ departing }) => departing),
    ];
    this.#descriptor = {
      v: MESSAGE_VERSION,
      version,
      session: place.session,
      name,
      setup,
      load: loading.options,
      timeout,
      sha256: campaign.model.sha256,
      model: model.manifest,
      secondModel: secondModel?.manifest,
      files: files.map(({ path, departing }) => ({ path, ...departing.manifest })),
      plugins,
      width: corpusSource.width,
      referenceRuns: mixed ? [] : referenceRuns,
    };
  }

  /** Publishes what of the first `count` entries is not out yet; before the first ones, what the campaign is. */
  async publish(count: number): Promise<void> {
    if (!this.#isDescribed) await this.#describe();
    this.#isDescribed = true;
    for (let from = this.#partBounds[this.#partBounds.length - 1]; from < count; ) {
      const parcels = this.#partFrom(from, count);
      await this.#publishPart(parcels);
      from += parcels.length;
      this.#partBounds.push(from);
    }
  }

  /** Says that the coordinator is alive, and keeps what is out; returns false where that is gone. */
  async renew(): Promise<boolean> {
    if (!this.#isDescribed) return true;
    const { redis, keys, session } = this.#session;
    const parts = this.#partBounds.length - 1;
    const isThere = await redis.exists(keys.descriptor(session));
    const held = await redis.hlen(keys.entries(session));
    await refreshHeartbeat(this.#session);
    if (isThere === 0 || held < parts) return false;
    if (Date.now() - this.#uploadedAt >= UPLOAD_INTERVAL_MS) await this.#upload();
    return true;
  }

  /** Publishes all again that was out. */
  async republish(): Promise<void> {
    await this.#describe();
    for (let part = 1; part < this.#partBounds.length; part++) {
      const [from, to] = [this.#partBounds[part - 1], this.#partBounds[part]];
      const { corpusSource } = this.#context;
      await this.#publishPart(Array.from({ length: to - from }, (_, i) => corpusSource.entryData(from + i)));
    }
  }

  /** A part of the corpus that begins with an entry; no more than may be in one. */
  #partFrom(from: number, count: number): CorpusEntryData[] {
    const parcels: CorpusEntryData[] = [];
    for (let bytes = 0; from + parcels.length < count; ) {
      const parcel = this.#context.corpusSource.entryData(from + parcels.length);
      parcels.push(parcel);
      bytes += parcel.data.inputs.reduce((sum, { byteLength }) => sum + byteLength, 0);
      if (parcels.length === MAX_PART_ENTRIES || bytes >= MAX_PART_BYTES) break;
    }
    return parcels;
  }

  async #publishPart(parcels: readonly CorpusEntryData[]): Promise<void> {
    const { redis, keys, session } = this.#session;
    const [{ entryIndex: from }] = parcels;
    const entries: CorpusPart = { v: MESSAGE_VERSION, from, packedEntries: packEntries(parcels) };
    await redis.hset(keys.entries(session), String(from), packMessage(entries));
  }

  /** Puts the files where machines find them, for a while. */
  async #upload(): Promise<void> {
    const { redis, keys } = this.#session;
    for (const departing of this.#uploads) await departing.upload(redis, keys);
    this.#uploadedAt = Date.now();
  }

  /** Puts the files where machines find them, and says what the campaign is. */
  async #describe(): Promise<void> {
    const { redis, keys, session } = this.#session;
    await this.#upload();
    await redis.set(keys.descriptor(session), packMessage(this.#descriptor));
    await refreshHeartbeat(this.#session);
  }
}
