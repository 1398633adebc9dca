import type { SchedulerKind } from './scheduler.ts';

/** Every entry with the same chance. */
export const uniform: SchedulerKind = {
  name: 'uniform',
  help: 'any entry, as in TensorFuzz',
  source: 'TensorFuzz (Odena & Goodfellow 2018), lib/sample_functions.py',
  parameters: [],
  make: () => ({
    pick: ({ count }, random) => random.below(count),
  }),
};
