import type { Random } from '../core/random.ts';
import type { CorpusSize } from '../fuzzer/corpus/corpus.ts';
import type { Scheduler, SchedulerKind } from './scheduler.ts';

/** How many of the newest entries are favoured, and the picks without anything new after which it is one more. */
const NEWEST = 5;
const PATIENCE = 64;

/** Share of picks that any entry gets alike. */
const ANYONE = 1 / 6;

/**
 * The less tired of two of the newest entries. A pick tires an entry; leading to something new makes it
 * fresh again, as every entry is at first; and while nothing new comes, older entries come in beside the
 * newest. AFL++'s power schedules and DeepHunter's selection probability fall with the number of picks as
 * well; here success resets it, and being new counts most, since search goes from parent to child.
 */
export class YieldScheduler implements Scheduler {
  /** Picks of each entry since it came in or last led to something new. */
  #tired: number[] = [];
  /** Picks since anything came in. */
  #fruitless = 0;

  pick({ count }: CorpusSize, random: Random): number {
    this.#fruitless++;
    if (random.uniform() < ANYONE) return random.below(count);
    const among = Math.min(count, NEWEST + Math.floor(this.#fruitless / PATIENCE));
    const a = count - 1 - random.below(among);
    const b = count - 1 - random.below(among);
    const entry = this.#tired[a] <= this.#tired[b] ? a : b;
    this.#tired[entry]++;
    return entry;
  }

  added(entry: number, parent: number | undefined): void {
    this.#fruitless = 0;
    this.#tired[entry] = 0;
    if (parent !== undefined) this.#tired[parent] = 0;
  }

  save(): unknown {
    return { tired: [...this.#tired], fruitless: this.#fruitless };
  }

  restore(saved: unknown): void {
    const { tired, fruitless } = saved as { readonly tired: readonly number[]; readonly fruitless: number };
    this.#tired = [...tired];
    this.#fruitless = fruitless;
  }
}

export const yieldKind: SchedulerKind = { name: 'yield', make: () => new YieldScheduler() };
