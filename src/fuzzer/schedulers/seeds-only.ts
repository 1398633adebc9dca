import type { Scheduler } from './scheduler.ts';

/** One of the user's seeds: what the random control mutates, since it keeps nothing. */
export const seedsOnly: Scheduler = {
  name: 'seeds-only',
  pick: (corpus, random) => random.below(corpus.seeds),
};
