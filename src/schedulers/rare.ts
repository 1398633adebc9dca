import { withRoomFor } from '../core/growable-array.ts';
import type { Random } from '../core/random.ts';
import { decodeVarints, encodeVarints } from '../core/varints.ts';
import type { CorpusSize, Scheduler, SchedulerKind } from './scheduler.ts';

const AMONG = {
  name: 'among',
  default: 8,
  help: 'entries that are drawn, of which the one in the rarest neighbourhood is picked',
  min: 1,
  max: 1000,
  integer: true,
} as const;

/**
 * Picks the entry whose neighbourhood in coverage space the fewest mutants were in, of some that are drawn with equal chances. FairFuzz
 * picks entries that hit a branch below a cutoff of hits; a tournament needs no cutoff, and keeps the picks of a task apart.
 */
class RareScheduler implements Scheduler {
  readonly #among: number;
  /** Mutants that were in the neighbourhood of each entry. */
  #mutants = new Uint32Array(1024);
  #count = 0;

  constructor(among: number) {
    this.#among = among;
  }

  pick({ count }: CorpusSize, random: Random): number {
    let rarest = random.below(count);
    for (let drawn = 1; drawn < this.#among; drawn++) {
      const entry = random.below(count);
      if (this.#mutants[entry] < this.#mutants[rarest]) rarest = entry;
    }
    return rarest;
  }

  added(entry: number): void {
    this.#mutants = withRoomFor(this.#mutants, entry);
    this.#mutants[entry] = 0;
    this.#count = entry + 1;
  }

  observed(entry: number, mutants: number): void {
    this.#mutants[entry] += mutants;
  }

  save(): unknown {
    return encodeVarints(this.#mutants.subarray(0, this.#count));
  }

  restore(saved: unknown): void {
    this.#mutants = decodeVarints(saved as string);
    this.#count = this.#mutants.length;
  }
}

export const rare: SchedulerKind = {
  name: 'rare',
  help: 'entries whose neighbourhood few mutants were in, after FairFuzz',
  source: 'FairFuzz (Lemieux & Sen, ASE 2018), section 3.1, and the schedule rare of AFL++, by a tournament',
  parameters: [AMONG],
  make: (values) => new RareScheduler(values(AMONG)),
};
