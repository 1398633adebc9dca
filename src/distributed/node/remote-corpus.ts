import { tiesToAncestor } from '../../constraints/options.ts';
import { MachineError } from '../../core/errors.ts';
import { activationsAt, unbundled } from '../../fuzzer/packed-testcases.ts';
import type { Parcel, Task } from '../../fuzzer/scheduling/task.ts';
import type { TestcaseData } from '../../inputs/testcase.ts';
import type { Parcels, WorkerSetup } from '../../workers/services/fuzz-service.ts';
import type { Supply } from '../../workers/worker-supervisor.ts';
import { NotThere } from '../errors.ts';
import { unpacked } from '../protocol/codec.ts';
import { checkEntries } from '../protocol/messages.ts';
import type { SessionPlace } from '../protocol/session.ts';

/** An entry without its values. */
interface Known extends Omit<Parcel, 'data' | 'activations'> {
  /** The part that it came in: the first entry of that. */
  readonly part: number;
}

/**
 * A campaign's corpus as a machine far off has it: what it lacks comes over the queue. Activations and ancestry of all entries are kept;
 * of their values as many bytes as it may, those used longest ago go first and are fetched again where they are needed.
 */
export class RemoteCorpus implements Supply {
  readonly width: number;
  readonly #place: SessionPlace;
  readonly #isTied: boolean;
  readonly #most: number;
  readonly #known: Known[] = [];
  #vectors = new Float32Array(1024);
  /** Values by entry, those used longest ago first. */
  readonly #data = new Map<number, TestcaseData>();
  #bytes = 0;
  /** How many tasks hold an entry. */
  readonly #holds = new Map<number, number>();
  #asking: Promise<void> = Promise.resolve();

  /** @param most bytes of values that are kept beside those that tasks hold */
  constructor(
    place: SessionPlace,
    width: number,
    { limits, traits }: Pick<WorkerSetup, 'limits' | 'traits'>,
    most: number,
  ) {
    this.#place = place;
    this.width = width;
    this.#isTied = tiesToAncestor(limits, traits);
    this.#most = most;
  }

  /** Bytes of values that are here. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Sees to it that the first `count` entries are known.
   *
   * @throws MachineError where they are not on the queue
   */
  have(count: number): Promise<void> {
    // Shards that are worked on at the same time ask one after the other.
    const asked = this.#asking.then(() => this.#learn(count));
    this.#asking = asked.catch(() => {});
    return asked;
  }

  /**
   * Sees to it that the values are here that a task needs, until it lets go of them.
   *
   * @throws MachineError where they are not on the queue
   */
  async hold(task: Task): Promise<() => void> {
    const needs = this.needs(task);
    for (const entry of needs) this.#holds.set(entry, (this.#holds.get(entry) ?? 0) + 1);
    const letGo = (): void => {
      for (const entry of needs) {
        const left = (this.#holds.get(entry) ?? 1) - 1;
        if (left === 0) this.#holds.delete(entry);
        else this.#holds.set(entry, left);
      }
      this.#makeRoom();
    };
    try {
      const parts = new Set<number>();
      for (const entry of needs) if (!this.#use(entry)) parts.add(this.#knownAs(entry).part);
      for (const part of parts) this.#keep(await this.#fetch(part), part);
    } catch (error) {
      letGo();
      throw error;
    }
    return letGo;
  }

  parcel(entry: number): Parcel {
    const data = this.#data.get(entry);
    if (data === undefined) throw new Error(`the values of entry ${entry} are not here`);
    const { part: _, ...known } = this.#knownAs(entry);
    return { ...known, data, activations: this.vectors(entry, entry + 1) };
  }

  needs({ parents, mates }: Task): number[] {
    const needs = new Set(parents);
    for (const mate of mates) if (mate >= 0) needs.add(mate);
    if (!this.#isTied) return [...needs];
    for (const entry of parents) {
      const { ancestor, reference } = this.#knownAs(entry);
      needs.add(ancestor).add(reference);
    }
    return [...needs];
  }

  vectors(from: number, to: number): Float32Array {
    return this.#vectors.slice(from * this.width, to * this.width);
  }

  #knownAs(entry: number): Known {
    const found = this.#known[entry];
    if (found === undefined) throw new Error(`entry ${entry} is not here`);
    return found;
  }

  async #learn(count: number): Promise<void> {
    while (this.#known.length < count) {
      const part = this.#known.length;
      const parcels = await this.#fetch(part);
      for (let i = 0; i < parcels.count; i++) {
        const label = parcels.labels?.[i];
        this.#known.push({
          entry: part + i,
          ancestor: parcels.ancestors[i],
          reference: parcels.references[i],
          ...(label === undefined ? {} : { label }),
          part,
        });
        this.#addVector(activationsAt(parcels, i));
      }
      this.#keep(parcels, part);
    }
  }

  /** A part of the corpus. @throws MachineError where it is not on the queue or is not what it should be */
  async #fetch(part: number): Promise<Parcels> {
    const { redis, keys, session } = this.#place;
    const bytes = await redis.hgetBuffer(keys.entries(session), String(part));
    if (bytes === null) throw new NotThere('the corpus');
    const { from, parcels } = checkEntries(unpacked(bytes));
    const isWhole =
      from === part && parcels.count > 0 && parcels.entries.every((entry, i) => entry === part + i);
    if (!isWhole) throw new MachineError('the corpus on the queue has a gap');
    return parcels;
  }

  /** Keeps the values of a part's entries as far as there is room, those that are held before all. */
  #keep(parcels: Parcels, part: number): void {
    for (let i = 0; i < parcels.count; i++) {
      if (this.#data.has(part + i)) continue;
      if (this.#bytes > this.#most && !this.#holds.has(part + i)) continue;
      const { data } = unbundled(parcels, i);
      this.#data.set(part + i, data);
      this.#bytes += bytesOf(data);
    }
    this.#makeRoom();
  }

  /** Marks an entry's values as used last; false where they are not here. */
  #use(entry: number): boolean {
    const data = this.#data.get(entry);
    if (data === undefined) return false;
    this.#data.delete(entry);
    this.#data.set(entry, data);
    return true;
  }

  #makeRoom(): void {
    if (this.#bytes <= this.#most) return;
    for (const [entry, data] of this.#data) {
      if (this.#bytes <= this.#most) return;
      if (this.#holds.has(entry)) continue;
      this.#data.delete(entry);
      this.#bytes -= bytesOf(data);
    }
  }

  #addVector(vector: Float32Array): void {
    const end = this.#known.length * this.width;
    if (end > this.#vectors.length) {
      const larger = new Float32Array(2 * end);
      larger.set(this.#vectors);
      this.#vectors = larger;
    }
    this.#vectors.set(vector, end - this.width);
  }
}

function bytesOf({ columns }: TestcaseData): number {
  return columns.reduce((sum, { byteLength }) => sum + byteLength, 0);
}
