import type { CampaignConfig } from '../config/schema.ts';
import { parameterValues } from '../extensions/parameters.ts';
import { Registry } from '../extensions/registry.ts';
import { deepHunter } from './deephunter.ts';
import { fast } from './fast.ts';
import { loadSchedulerPlugin } from './plugin.ts';
import { rare } from './rare.ts';
import { recent } from './recent.ts';
import type { Scheduler, SchedulerKind } from './scheduler.ts';
import { seedsOnly } from './seeds-only.ts';
import { uniform } from './uniform.ts';
import { yieldKind } from './yield.ts';

/** The built-in schedulers, and how specs of `--scheduler` are resolved. */
export const SCHEDULERS = new Registry<SchedulerKind>({
  flag: '--scheduler',
  noun: 'scheduler',
  kinds: [yieldKind, recent, uniform, deepHunter, fast, rare],
  loadPlugin: loadSchedulerPlugin,
});

/**
 * The scheduler of a campaign. Without guidance the corpus never grows beyond the seeds.
 *
 * @throws UserError on an unknown scheduler or parameter, or a module without a scheduler
 */
export async function makeScheduler(
  config: Pick<CampaignConfig, 'scheduler' | 'guidance'>,
): Promise<Scheduler> {
  if (config.guidance === 'none') return seedsOnly.make(parameterValues());
  const { kind, values } = await SCHEDULERS.resolve(config.scheduler);
  return kind.make(values);
}
