import type { NightlyConfig } from '../../config/nightly.ts';
import type { NightMonitor } from '../../nightly/turns.ts';
import { makeLogger, type OutputOptions } from './logging.ts';
import { showsScreen } from './monitors.ts';
import { createNightLog } from './night-log.ts';
import { NightScreen } from './night-screen.ts';

/** The monitor of a night: a screen on a terminal, else a log; with --json or --quiet a log as well. */
export function createNightMonitor(
  options: OutputOptions,
  { time, queue }: Pick<NightlyConfig, 'time' | 'queue'>,
): NightMonitor & { finish(): void } {
  if (!showsScreen(options)) return { ...createNightLog(makeLogger(options), time), finish: () => {} };
  return new NightScreen(process.stderr, {
    totalMs: time,
    isParallel: queue !== undefined,
    logLevel: options.logLevel,
  });
}
