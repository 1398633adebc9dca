import { withRoomFor } from '../core/growable-array.ts';
import type { Random } from '../core/random.ts';
import { decodeVarints, encodeVarints } from '../core/varints.ts';
import type { CorpusSize, Scheduler, SchedulerKind } from './scheduler.ts';

const GAMMA = {
  name: 'gamma',
  default: 5,
  help: 'picks over which the probability of an entry falls to the least one',
  min: 1,
  max: 1e6,
} as const;

const LEAST = {
  name: 'least',
  default: 0.3,
  help: 'least probability of an entry, however often it was picked',
  min: 0.001,
  max: 1,
} as const;

/**
 * Draws entries until one is accepted, with probability max(p, 1 − f/γ) for f picks so far (DeepHunter, equation 3). So entries that were
 * picked seldom, such as new ones, are preferred. The authors' code offers entries in turn and begins at 0.8.
 */
class DeepHunterScheduler implements Scheduler {
  readonly #gamma: number;
  readonly #least: number;
  /** Picks of each entry. */
  #picks = new Uint32Array(1024);
  #count = 0;

  constructor(gamma: number, least: number) {
    this.#gamma = gamma;
    this.#least = least;
  }

  pick({ count }: CorpusSize, random: Random): number {
    for (;;) {
      const entry = random.below(count);
      if (random.uniform() >= Math.max(this.#least, 1 - this.#picks[entry] / this.#gamma)) continue;
      this.#picks[entry]++;
      return entry;
    }
  }

  added(entry: number): void {
    this.#picks = withRoomFor(this.#picks, entry);
    this.#picks[entry] = 0;
    this.#count = entry + 1;
  }

  save(): unknown {
    return encodeVarints(this.#picks.subarray(0, this.#count));
  }

  restore(saved: unknown): void {
    this.#picks = decodeVarints(saved as string);
    this.#count = this.#picks.length;
  }
}

export const deepHunter: SchedulerKind = {
  name: 'deephunter',
  help: 'with a probability that falls with the picks of an entry, as in DeepHunter',
  source: 'DeepHunter (Xie et al., ISSTA 2019), equation 3, with the values of its code',
  parameters: [GAMMA, LEAST],
  make: (values) => new DeepHunterScheduler(values(GAMMA), values(LEAST)),
};
