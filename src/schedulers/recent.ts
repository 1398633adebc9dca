import type { SchedulerKind } from './scheduler.ts';

/** How many of the newest entries are favoured. */
const NEWEST_COUNT = 5;

/** One of the five newest entries or one drawn from all, each with the same chance (TensorFuzz, lib/sample_functions.py). */
export const recent: SchedulerKind = {
  name: 'recent',
  make: () => ({
    pick({ count }, random) {
      const newest = Math.min(NEWEST_COUNT, count);
      const anyone = random.below(count);
      const choice = random.below(newest + 1);
      return choice === newest ? anyone : count - newest + choice;
    },
  }),
};
