import { withRoomFor } from '../core/growable-array.ts';
import type { Random } from '../core/random.ts';
import { decodeVarints, encodeVarints } from '../core/varints.ts';
import { type CorpusSize, NEWEST, type Scheduler, type SchedulerKind } from './scheduler.ts';

/** Picks without a new entry after which the window of the newest entries is one larger. */
const PICKS_PER_OLDER_ENTRY = 64;

/** Share of picks that are drawn from all entries alike. */
const UNIFORM_SHARE = 1 / 6;

interface SavedYield {
  /** The fatigue of each entry, as `encodeVarints` writes it; older versions wrote an array. */
  readonly tired: string | readonly number[];
  readonly fruitless: number;
}

/**
 * Picks the less used of two entries drawn from a window of the newest. A pick raises an entry's fatigue; a new child
 * resets it to 0. The window grows while no entry is added. AFL++'s power schedules and DeepHunter's selection
 * probability fall with the number of picks as well; here success resets the count, and recency counts most, since the
 * search goes from parent to child.
 */
export class YieldScheduler implements Scheduler {
  /** Picks of each entry since it was added or last had a new child. */
  #fatigue = new Uint32Array(1024);
  /** Entries that were added. */
  #count = 0;
  /** Picks since an entry was added. */
  #picksSinceAdded = 0;
  readonly #newestCount: number;

  constructor(newestCount: number = NEWEST.default) {
    this.#newestCount = newestCount;
  }

  pick({ count }: CorpusSize, random: Random): number {
    this.#picksSinceAdded++;
    if (random.uniform() < UNIFORM_SHARE) return random.below(count);
    const older = Math.floor(this.#picksSinceAdded / PICKS_PER_OLDER_ENTRY);
    const among = Math.min(count, this.#newestCount + older);
    const a = count - 1 - random.below(among);
    const b = count - 1 - random.below(among);
    const entry = this.#fatigue[a] <= this.#fatigue[b] ? a : b;
    this.#fatigue[entry]++;
    return entry;
  }

  added(entry: number, parent: number | undefined): void {
    this.#picksSinceAdded = 0;
    this.#fatigue = withRoomFor(this.#fatigue, entry);
    this.#fatigue[entry] = 0;
    this.#count = entry + 1;
    if (parent !== undefined) this.#fatigue[parent] = 0;
  }

  save(): unknown {
    const tired = encodeVarints(this.#fatigue.subarray(0, this.#count));
    return { tired, fruitless: this.#picksSinceAdded };
  }

  restore(saved: unknown): void {
    const { tired, fruitless } = saved as SavedYield;
    this.#fatigue = typeof tired === 'string' ? decodeVarints(tired) : Uint32Array.from(tired);
    this.#count = this.#fatigue.length;
    this.#picksSinceAdded = fruitless;
  }
}

export const yieldKind: SchedulerKind = {
  name: 'yield',
  help: 'by the yield of entries',
  parameters: [NEWEST],
  make: (values) => new YieldScheduler(values(NEWEST)),
};
