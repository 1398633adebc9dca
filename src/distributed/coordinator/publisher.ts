import { createRequire } from 'node:module';
import type { ExecutorParts } from '../../campaign/run-campaign.ts';
import type { Parcel } from '../../fuzzer/scheduling/task.ts';
import { bundledParcels } from '../../workers/pack-entries.ts';
import { packed } from '../protocol/codec.ts';
import { type Descriptor, type Entries, MESSAGE_VERSION } from '../protocol/messages.ts';
import { announce, type SessionPlace } from '../protocol/session.ts';
import type { Departing } from '../transfer/file-transfer.ts';
import type { Departure } from './upload-manifest.ts';

const { version } = createRequire(import.meta.url)('neurofuzz/package.json') as { version: string };

/** Entries in one part of the corpus, and bytes of their values beyond which it holds no more. */
const ENTRIES_AT_ONCE = 512;
const BYTES_AT_ONCE = 8 << 20;

/** Milliseconds after which files are put there again: far sooner than they are let go. */
const DEPART_EVERY = 60_000;

/** What machines read of a campaign: what it is, its files, and its corpus in parts. */
export class Publication {
  readonly #place: SessionPlace;
  readonly #campaign: Pick<ExecutorParts, 'supply'>;
  readonly #descriptor: Descriptor;
  /** All files that machines fetch. */
  readonly #departing: readonly Departing[];
  #isDescribed = false;
  /** When its files were put there last. */
  #departed = 0;
  /** First entries of the parts of the corpus that are out, and what follows the last one: published again they are the same. */
  readonly #bounds: number[] = [0];

  constructor(
    place: SessionPlace,
    campaign: ExecutorParts,
    { model, copy, files, plugins }: Departure,
    { name, mixed }: { readonly name: string; readonly mixed: boolean },
  ) {
    const { setup, loading, timeout, trials, supply } = campaign;
    this.#place = place;
    this.#campaign = campaign;
    this.#departing = [
      model,
      ...(copy === undefined ? [] : [copy]),
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
      model: model.travelling,
      copy: copy?.travelling,
      files: files.map(({ path, departing }) => ({ path, ...departing.travelling })),
      plugins,
      width: supply.width,
      trials: mixed ? [] : trials,
    };
  }

  /** Publishes what of the first `count` entries is not out yet; before the first ones, what the campaign is. */
  async publish(count: number): Promise<void> {
    if (!this.#isDescribed) await this.#describe();
    this.#isDescribed = true;
    for (let from = this.#bounds[this.#bounds.length - 1]; from < count; ) {
      const parcels = this.#partFrom(from, count);
      await this.#publishPart(parcels);
      from += parcels.length;
      this.#bounds.push(from);
    }
  }

  /** Says that the coordinator is alive, and keeps what is out; returns false where that is gone. */
  async keep(): Promise<boolean> {
    if (!this.#isDescribed) return true;
    const { redis, keys, session } = this.#place;
    const parts = this.#bounds.length - 1;
    const isThere = await redis.exists(keys.descriptor(session));
    const held = await redis.hlen(keys.entries(session));
    await announce(this.#place);
    if (isThere === 0 || held < parts) return false;
    if (Date.now() - this.#departed >= DEPART_EVERY) await this.#depart();
    return true;
  }

  /** Publishes all again that was out. */
  async publishAgain(): Promise<void> {
    await this.#describe();
    for (let part = 1; part < this.#bounds.length; part++) {
      const [from, to] = [this.#bounds[part - 1], this.#bounds[part]];
      const { supply } = this.#campaign;
      await this.#publishPart(Array.from({ length: to - from }, (_, i) => supply.parcel(from + i)));
    }
  }

  /** A part of the corpus that begins with an entry; no more than may be in one. */
  #partFrom(from: number, count: number): Parcel[] {
    const parcels: Parcel[] = [];
    for (let bytes = 0; from + parcels.length < count; ) {
      const parcel = this.#campaign.supply.parcel(from + parcels.length);
      parcels.push(parcel);
      bytes += parcel.data.columns.reduce((sum, { byteLength }) => sum + byteLength, 0);
      if (parcels.length === ENTRIES_AT_ONCE || bytes >= BYTES_AT_ONCE) break;
    }
    return parcels;
  }

  async #publishPart(parcels: readonly Parcel[]): Promise<void> {
    const { redis, keys, session } = this.#place;
    const [{ entry: from }] = parcels;
    const entries: Entries = { v: MESSAGE_VERSION, from, parcels: bundledParcels(parcels) };
    await redis.hset(keys.entries(session), String(from), packed(entries));
  }

  /** Puts the files where machines find them, for a while. */
  async #depart(): Promise<void> {
    const { redis, keys } = this.#place;
    for (const departing of this.#departing) await departing.depart(redis, keys);
    this.#departed = Date.now();
  }

  /** Puts the files where machines find them, and says what the campaign is. */
  async #describe(): Promise<void> {
    const { redis, keys, session } = this.#place;
    await this.#depart();
    await redis.set(keys.descriptor(session), packed(this.#descriptor));
    await announce(this.#place);
  }
}
