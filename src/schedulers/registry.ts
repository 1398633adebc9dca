import type { CampaignConfig } from '../config/schema.ts';
import { UserError } from '../core/errors.ts';
import { importPluginKind } from '../extensions/plugin-loader.ts';
import { recent } from './recent.ts';
import type { Scheduler, SchedulerKind } from './scheduler.ts';
import { seedsOnly } from './seeds-only.ts';
import { uniform } from './uniform.ts';
import { yieldKind } from './yield.ts';

/** Every scheduler that `--scheduler` names. */
const SCHEDULERS: readonly SchedulerKind[] = [yieldKind, recent, uniform];

/**
 * A campaign's own scheduler; without guidance the corpus never grows beyond the seeds.
 *
 * @throws UserError where a module is none
 */
export async function makeScheduler(
  config: Pick<CampaignConfig, 'scheduler' | 'guidance'>,
): Promise<Scheduler> {
  if (config.guidance === 'none') return seedsOnly.make();
  const own = SCHEDULERS.find(({ name }) => name === config.scheduler);
  return own === undefined ? loadScheduler(config.scheduler) : own.make();
}

/** Loads a scheduler from a module of the user's; its errors say whose they are. */
async function loadScheduler(path: string): Promise<Scheduler> {
  const { kind, named } = await importPluginKind<SchedulerKind>('--scheduler', path, 'scheduler');
  const made = named(() => kind.make());
  if (typeof made?.pick !== 'function')
    throw new UserError(`--scheduler: the plug-in ${path} makes nothing with a function pick`);
  return {
    pick: (corpus, random) => {
      const entry = made.pick(corpus, random);
      if (!Number.isInteger(entry) || entry < 0 || entry >= corpus.count)
        throw new Error(`pick must give the place of one of ${corpus.count} entries, not ${entry}`);
      return entry;
    },
    added: (entry, parent) => named(() => made.added?.(entry, parent)),
    save: () => named(() => made.save?.()),
    restore: (saved) => named(() => made.restore?.(saved)),
    guardPicks: named,
  };
}
