import type { CampaignConfig } from '../../config/schema.ts';
import { recent } from './recent.ts';
import type { Scheduler } from './scheduler.ts';
import { seedsOnly } from './seeds-only.ts';
import { uniform } from './uniform.ts';

/** Every scheduler that `--scheduler` names. */
const SCHEDULERS: Readonly<Record<CampaignConfig['scheduler'], Scheduler>> = { recent, uniform };

/** The scheduler of a campaign; without guidance the corpus never grows beyond the seeds. */
export function schedulerOf(config: Pick<CampaignConfig, 'scheduler' | 'guidance'>): Scheduler {
  return config.guidance === 'none' ? seedsOnly : SCHEDULERS[config.scheduler];
}
