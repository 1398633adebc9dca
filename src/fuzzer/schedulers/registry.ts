import type { CampaignConfig } from '../../config/schema.ts';
import { recent } from './recent.ts';
import type { Scheduler } from './scheduler.ts';
import { seedsOnly } from './seeds-only.ts';
import { uniform } from './uniform.ts';
import { YieldScheduler } from './yield.ts';

/** Every scheduler that `--scheduler` names. */
const SCHEDULERS: Readonly<Record<CampaignConfig['scheduler'], () => Scheduler>> = {
  recent: () => recent,
  uniform: () => uniform,
  yield: () => new YieldScheduler(),
};

/** A campaign's own scheduler; without guidance the corpus never grows beyond the seeds. */
export function makeScheduler(config: Pick<CampaignConfig, 'scheduler' | 'guidance'>): Scheduler {
  return config.guidance === 'none' ? seedsOnly : SCHEDULERS[config.scheduler]();
}
