import type { Random } from '../core/random.ts';
import type { CorpusSize, Scheduler, SchedulerKind } from './scheduler.ts';

/** How many of the newest entries are favoured, and the picks without anything new after which it is one more. */
const NEWEST_COUNT = 5;
const PICKS_PER_OLDER_ENTRY = 64;

/** Share of picks that any entry gets alike. */
const UNIFORM_SHARE = 1 / 6;

/**
 * The less tired of two of the newest entries. A pick tires an entry; leading to something new makes it
 * fresh again, as every entry is at first; and while nothing new comes, older entries come in beside the
 * newest. AFL++'s power schedules and DeepHunter's selection probability fall with the number of picks as
 * well; here success resets it, and being new counts most, since search goes from parent to child.
 */
export class YieldScheduler implements Scheduler {
  /** Picks of each entry since it came in or last led to something new. */
  #fatigue: number[] = [];
  /** Picks since anything came in. */
  #picksSinceAdded = 0;

  pick({ count }: CorpusSize, random: Random): number {
    this.#picksSinceAdded++;
    if (random.uniform() < UNIFORM_SHARE) return random.below(count);
    const among = Math.min(count, NEWEST_COUNT + Math.floor(this.#picksSinceAdded / PICKS_PER_OLDER_ENTRY));
    const a = count - 1 - random.below(among);
    const b = count - 1 - random.below(among);
    const entry = this.#fatigue[a] <= this.#fatigue[b] ? a : b;
    this.#fatigue[entry]++;
    return entry;
  }

  added(entry: number, parent: number | undefined): void {
    this.#picksSinceAdded = 0;
    this.#fatigue[entry] = 0;
    if (parent !== undefined) this.#fatigue[parent] = 0;
  }

  save(): unknown {
    return { tired: [...this.#fatigue], fruitless: this.#picksSinceAdded };
  }

  restore(saved: unknown): void {
    const { tired, fruitless } = saved as { readonly tired: readonly number[]; readonly fruitless: number };
    this.#fatigue = [...tired];
    this.#picksSinceAdded = fruitless;
  }
}

export const yieldKind: SchedulerKind = { name: 'yield', make: () => new YieldScheduler() };
