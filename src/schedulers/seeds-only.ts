import type { SchedulerKind } from './scheduler.ts';

/** Any of the seeds: the scheduler of the random control, whose corpus never grows. */
export const seedsOnly: SchedulerKind = {
  name: 'seeds-only',
  help: 'any of the seeds',
  parameters: [],
  make: () => ({ pick: (corpus, random) => random.below(corpus.seeds) }),
};
