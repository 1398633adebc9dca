import type { Scheduler } from './scheduler.ts';

/** Every entry is as likely as any other (TensorFuzz, lib/sample_functions.py). */
export const uniform: Scheduler = {
  name: 'uniform',
  pick: ({ count }, random) => random.below(count),
};
