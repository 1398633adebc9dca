import { join } from 'node:path';
import type { Logger } from 'pino';
import { type Monitor, phaseText } from '../../campaign/monitor/monitor.ts';
import { mutatorLabel } from '../../campaign/monitor/mutator-label.ts';
import { StatusScreen } from '../../campaign/monitor/status-screen.ts';
import { resumeLine } from '../launcher.ts';

/** A monitor that holds a resource, such as the terminal, until it is finished. */
export interface FinishingMonitor extends Monitor {
  /** Releases the resource; may be called repeatedly. */
  finish(): void;
}

/** A status screen on standard error, for terminals. */
export function createStatusScreen(): FinishingMonitor {
  return new StatusScreen(process.stderr, resumeLine);
}

/** Interval of statistics in the log, and of progress before the first mutant. */
const LOG_INTERVAL_SECONDS = 5;

/** Logs events and statistics, for output that is not a terminal. */
export function createLogMonitor(log: Logger): FinishingMonitor {
  let loggedSeconds = 0;
  let loggedPhase: { readonly name: string; readonly at: number } | undefined;
  return {
    info: (text) => log.info(text),
    warn: (text) => log.warn(text),
    onPhase: (phase) => {
      const now = performance.now();
      if (loggedPhase?.name === phase.name && now - loggedPhase.at < 1000 * LOG_INTERVAL_SECONDS) return;
      loggedPhase = { name: phase.name, at: now };
      log.info({ phase: phase.name }, phaseText(phase));
    },
    onStart: (plan) =>
      log.info(
        {
          campaign: plan.folder,
          seed: plan.masterSeed,
          jobs: plan.jobs,
          batch: plan.batch,
          seeds: plan.seeds,
          resume: resumeLine(plan.folder),
        },
        'campaign starts',
      ),
    onFault: (fault, folder) =>
      log.warn(
        { signature: fault.signature, execs: fault.firstExecs, path: join(folder, fault.path) },
        fault.summary,
      ),
    onThresholdChange: (threshold, why) => log.info({ threshold, why }, 'the threshold was adapted'),
    onStatistics: ({
      faults,
      shares,
      workers,
      newEntries,
      newEntriesSpan,
      mutators,
      seedAccounts,
      ...statistics
    }) => {
      if (statistics.elapsedSeconds - loggedSeconds < LOG_INTERVAL_SECONDS) return;
      loggedSeconds = statistics.elapsedSeconds;
      const [largest] = [...mutators].sort((a, b) => b.share - a.share);
      const favourite = largest && mutatorLabel(largest, mutators);
      log.info(
        {
          ...statistics,
          signatures: faults.length,
          ...(seedAccounts.length === 0
            ? {}
            : {
                broken: Object.fromEntries(seedAccounts.map(({ objective, broken }) => [objective, broken])),
              }),
          slowest: slowestPhase(shares),
          favourite,
        },
        'fuzzing',
      );
    },
    finish: () => {},
  };
}

function slowestPhase(shares: Readonly<Record<string, number>>): string {
  return Object.entries(shares).reduce((a, b) => (b[1] > a[1] ? b : a))[0];
}
