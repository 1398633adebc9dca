import type { SchedulerKind } from './scheduler.ts';

/** One of the user's seeds: what the random control mutates, since it keeps nothing. */
export const seedsOnly: SchedulerKind = {
  name: 'seeds-only',
  make: () => ({ pick: (corpus, random) => random.below(corpus.seeds) }),
};
