import type { ExecutorContext } from '../../campaign/executor-factory.ts';
import { VERSION } from '../../core/package-files.ts';
import { packEntries } from '../../fuzzer/packed-entries.ts';
import type { CorpusEntryData } from '../../fuzzer/scheduling/task.ts';
import { byteLengthOf } from '../../inputs/testcase.ts';
import { packMessage } from '../protocol/codec.ts';
import { type CorpusPart, type Descriptor, MESSAGE_VERSION } from '../protocol/messages.ts';
import { type RedisSession, refreshHeartbeat } from '../protocol/session.ts';
import type { UploadBundle } from '../transfer/file-transfer.ts';
import type { CampaignUpload } from './upload-manifest.ts';

/** Maximum number of entries in a part of the corpus, and size of their values in bytes at which a part is closed. */
const MAX_PART_ENTRIES = 512;
const MAX_PART_BYTES = 8 << 20;

/** Interval at which the expiry of uploaded files is renewed, far below their time to live. */
const UPLOAD_INTERVAL_MS = 60_000;

/** Publishes what nodes need of a campaign: its descriptor, its files, and its corpus in parts. */
export class CampaignPublisher {
  readonly #session: RedisSession;
  readonly #context: Pick<ExecutorContext, 'corpusSource'>;
  readonly #descriptor: Descriptor;
  /** All files that nodes download. */
  readonly #uploads: readonly UploadBundle[];
  #isDescribed = false;
  /** Time of the last upload of its files. */
  #uploadedAt = 0;
  /** Indices of the first entry of each published part, and of the first unpublished entry. Parts are identical if published again. */
  readonly #partBounds: number[] = [0];

  constructor(
    session: RedisSession,
    context: ExecutorContext,
    { model, secondModel, files, plugins }: CampaignUpload,
    { name, mixed }: { readonly name: string; readonly mixed: boolean },
  ) {
    const { setup, loading, timeout, referenceRuns, corpusSource } = context;
    this.#session = session;
    this.#context = context;
    this.#uploads = [
      model,
      ...(secondModel === undefined ? [] : [secondModel]),
      ...files.map(({ bundle }) => bundle),
    ];
    this.#descriptor = {
      v: MESSAGE_VERSION,
      version: VERSION,
      session: session.session,
      name,
      setup,
      load: loading.options,
      timeout,
      sha256: context.model.sha256,
      model: model.manifest,
      secondModel: secondModel?.manifest,
      files: files.map(({ path, bundle }) => ({ path, ...bundle.manifest })),
      plugins,
      width: corpusSource.width,
      referenceRuns: mixed ? [] : referenceRuns,
    };
  }

  /** Publishes those of the first `count` entries that are not published yet, preceded by the descriptor on the first call. */
  async publish(count: number): Promise<void> {
    if (!this.#isDescribed) await this.#describe();
    this.#isDescribed = true;
    for (let from = this.#partBounds[this.#partBounds.length - 1]; from < count; ) {
      const entries = this.#partFrom(from, count);
      await this.#publishPart(entries);
      from += entries.length;
      this.#partBounds.push(from);
    }
  }

  /** Renews the coordinator's heartbeat and the expiry of everything published. Returns false if Redis has lost any of it. */
  async renew(): Promise<boolean> {
    if (!this.#isDescribed) return true;
    const { redis, keys, session } = this.#session;
    const parts = this.#partBounds.length - 1;
    const descriptorCount = await redis.exists(keys.descriptor(session));
    const storedParts = await redis.hlen(keys.entries(session));
    await refreshHeartbeat(this.#session);
    if (descriptorCount === 0 || storedParts < parts) return false;
    if (Date.now() - this.#uploadedAt >= UPLOAD_INTERVAL_MS) await this.#upload();
    return true;
  }

  /** Publishes everything again after Redis has lost it. */
  async republish(): Promise<void> {
    await this.#describe();
    for (let part = 1; part < this.#partBounds.length; part++) {
      const [from, to] = [this.#partBounds[part - 1], this.#partBounds[part]];
      const { corpusSource } = this.#context;
      await this.#publishPart(Array.from({ length: to - from }, (_, i) => corpusSource.entryData(from + i)));
    }
  }

  /** Collects the entries of the part that begins with entry `from`, up to the limits of a part. */
  #partFrom(from: number, count: number): CorpusEntryData[] {
    const entries: CorpusEntryData[] = [];
    for (let bytes = 0; from + entries.length < count; ) {
      const entry = this.#context.corpusSource.entryData(from + entries.length);
      entries.push(entry);
      bytes += byteLengthOf(entry.data);
      if (entries.length === MAX_PART_ENTRIES || bytes >= MAX_PART_BYTES) break;
    }
    return entries;
  }

  async #publishPart(entries: readonly CorpusEntryData[]): Promise<void> {
    const { redis, keys, session } = this.#session;
    const [{ entryIndex: from }] = entries;
    const part: CorpusPart = { v: MESSAGE_VERSION, from, packedEntries: packEntries(entries) };
    await redis.hset(keys.entries(session), String(from), packMessage(part));
  }

  /** Uploads the files, or renews their expiry. */
  async #upload(): Promise<void> {
    const { redis, keys } = this.#session;
    for (const bundle of this.#uploads) await bundle.upload(redis, keys);
    this.#uploadedAt = Date.now();
  }

  /** Uploads the files and publishes the descriptor. */
  async #describe(): Promise<void> {
    const { redis, keys, session } = this.#session;
    await this.#upload();
    await redis.set(keys.descriptor(session), packMessage(this.#descriptor));
    await refreshHeartbeat(this.#session);
  }
}
