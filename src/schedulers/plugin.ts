import type { ParameterValues } from '../extensions/parameters.ts';
import {
  type ExportedKind,
  importPluginKind,
  type PluginKind,
  type PluginKindOptions,
} from '../extensions/plugin-kind.ts';
import type { Scheduler, SchedulerKind } from './scheduler.ts';

interface ExportedSchedulerKind extends Omit<ExportedKind<Scheduler>, 'make'> {
  make(values: ParameterValues): Scheduler;
}

const OPTIONS: PluginKindOptions<ExportedSchedulerKind> = { flag: '--scheduler', noun: 'scheduler' };

/**
 * Loads a scheduler from a plug-in module: its default export, as `defineScheduler` returns it.
 *
 * @throws UserError if the module can't be loaded or exports no scheduler
 */
export async function loadSchedulerPlugin(path: string): Promise<SchedulerKind> {
  const plugin = await importPluginKind(path, OPTIONS);
  return { ...plugin.base, make: (values) => makePluginScheduler(plugin, values) };
}

/** A scheduler whose errors name its module. `pick` is timed by `guardPicks`, not by the call. */
function makePluginScheduler(
  plugin: PluginKind<ExportedSchedulerKind, Scheduler>,
  values: ParameterValues,
): Scheduler {
  const { guard } = plugin;
  const scheduler = plugin.make(values);
  plugin.requireMethod(scheduler, 'pick');
  return {
    pick(corpus, random) {
      const entry = scheduler.pick(corpus, random);
      if (!Number.isInteger(entry) || entry < 0 || entry >= corpus.count)
        throw new Error(`pick must return the index of one of ${corpus.count} entries, not ${entry}`);
      return entry;
    },
    added: (entry, parent) => guard(() => scheduler.added?.(entry, parent)),
    ...(scheduler.observed === undefined
      ? {}
      : { observed: (entry, mutants) => guard(() => scheduler.observed?.(entry, mutants)) }),
    save: () => guard(() => scheduler.save?.()),
    restore: (saved) => guard(() => scheduler.restore?.(saved)),
    guardPicks: guard,
  };
}
