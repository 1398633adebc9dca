import type { Redis } from 'ioredis';
import { MachineError } from '../errors.ts';
import { activationsAt, unbundled } from '../fuzzer/bundle.ts';
import type { Supply } from '../fuzzer/slot.ts';
import type { Parcel, Task } from '../fuzzer/task.ts';
import type { WorkerSetup } from '../fuzzer/worker-process.ts';
import { tiesToAncestor } from '../mutators/constraints/limits.ts';
import { unpacked } from './codec.ts';
import type { Keys } from './keys.ts';
import { checkEntries } from './messages.ts';
import { NotThere } from './not-there.ts';

/** A campaign's corpus as a machine far off has it: what it lacks comes over the queue. */
export class RemoteCorpus implements Supply {
  readonly width: number;
  readonly #isTied: boolean;
  readonly #entries: Parcel[] = [];
  #vectors = new Float32Array(1024);
  #asking: Promise<void> = Promise.resolve();

  constructor(width: number, { limits, traits }: WorkerSetup) {
    this.width = width;
    this.#isTied = tiesToAncestor(limits, traits);
  }

  /**
   * Sees to it that the first `count` entries are here.
   *
   * @throws MachineError where they are not on the queue
   */
  have(count: number, redis: Redis, keys: Keys, session: string): Promise<void> {
    // Shards that are worked on at the same time ask one after the other.
    const asked = this.#asking.then(() => this.#fetch(count, redis, keys, session));
    this.#asking = asked.catch(() => {});
    return asked;
  }

  async #fetch(count: number, redis: Redis, keys: Keys, session: string): Promise<void> {
    while (this.#entries.length < count) {
      const bytes = await redis.hgetBuffer(keys.entries(session), String(this.#entries.length));
      if (bytes === null) throw new NotThere('the corpus');
      this.#add(bytes);
    }
  }

  #add(bytes: Uint8Array): void {
    const { from, parcels } = checkEntries(unpacked(bytes));
    if (from !== this.#entries.length || parcels.count === 0)
      throw new MachineError('the corpus on the queue has a gap');
    for (let i = 0; i < parcels.count; i++) {
      if (parcels.entries[i] !== from + i) throw new MachineError('the corpus on the queue has a gap');
      const label = parcels.labels?.[i];
      this.#entries.push({
        entry: from + i,
        ancestor: parcels.ancestors[i],
        reference: parcels.references[i],
        ...(label === undefined ? {} : { label }),
        ...unbundled(parcels, i),
      });
      const end = this.#entries.length * this.width;
      if (end > this.#vectors.length) {
        const larger = new Float32Array(2 * end);
        larger.set(this.#vectors);
        this.#vectors = larger;
      }
      this.#vectors.set(activationsAt(parcels, i), end - this.width);
    }
  }

  parcel(entry: number): Parcel {
    const found = this.#entries[entry];
    if (found === undefined) throw new Error(`entry ${entry} is not here`);
    return found;
  }

  needs({ parents, mates }: Task): number[] {
    const needs = new Set(parents);
    for (const mate of mates) if (mate >= 0) needs.add(mate);
    if (!this.#isTied) return [...needs];
    for (const entry of parents) {
      const { ancestor, reference } = this.parcel(entry);
      needs.add(ancestor).add(reference);
    }
    return [...needs];
  }

  vectors(from: number, to: number): Float32Array {
    return this.#vectors.slice(from * this.width, to * this.width);
  }
}
