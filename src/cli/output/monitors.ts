import { join } from 'node:path';
import type { Logger } from 'pino';
import type { Monitor } from '../../campaign/monitor/monitor.ts';
import { StatusScreen } from '../../campaign/monitor/status-screen.ts';
import { resumeLine } from '../launcher.ts';

/** Who watches a campaign until its end. */
export interface FinishingMonitor extends Monitor {
  /** Puts the terminal back; may be called again. */
  finish(): void;
}

/** The status screen of a terminal. */
export function createStatusScreen(): FinishingMonitor {
  return new StatusScreen(process.stderr, resumeLine);
}

/** Seconds between log lines. */
const LOG_INTERVAL_SECONDS = 5;

/** Lines of a log, for what is no terminal. */
export function createLogMonitor(log: Logger): FinishingMonitor {
  let shown = 0;
  return {
    info: (text) => log.info(text),
    warn: (text) => log.warn(text),
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
    onStatistics: ({ faults, shares, workers, newEntries, newEntriesSpan, mutators, ...figures }) => {
      if (figures.elapsedSeconds - shown < LOG_INTERVAL_SECONDS) return;
      shown = figures.elapsedSeconds;
      const favourite = [...mutators].sort((a, b) => b.share - a.share)[0]?.mutator;
      log.info(
        { ...figures, signatures: faults.length, slowest: slowestPhase(shares), favourite },
        'fuzzing',
      );
    },
    finish: () => {},
  };
}

function slowestPhase(shares: Readonly<Record<string, number>>): string {
  return Object.entries(shares).reduce((a, b) => (b[1] > a[1] ? b : a))[0];
}
