import type { SchedulerKind } from './scheduler.ts';

/** Every entry is as likely as any other (TensorFuzz, lib/sample_functions.py). */
export const uniform: SchedulerKind = {
  name: 'uniform',
  make: () => ({
    pick: ({ count }, random) => random.below(count),
  }),
};
