import { NEWEST, type SchedulerKind } from './scheduler.ts';

/** One of the newest entries or one drawn from all, each with the same chance (TensorFuzz, lib/sample_functions.py). */
export const recent: SchedulerKind = {
  name: 'recent',
  help: 'one of the newest entries or any entry, as in TensorFuzz',
  source: 'TensorFuzz (Odena & Goodfellow 2018), lib/sample_functions.py',
  parameters: [NEWEST],
  make(values) {
    const newestCount = values(NEWEST);
    return {
      pick({ count }, random) {
        const newest = Math.min(newestCount, count);
        const any = random.below(count);
        const choice = random.below(newest + 1);
        return choice === newest ? any : count - newest + choice;
      },
    };
  },
};
