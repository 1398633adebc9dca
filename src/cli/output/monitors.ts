import { join } from 'node:path';
import type { Logger } from 'pino';
import type { Observer } from '../../campaign/monitor/monitor.ts';
import { StatusScreen } from '../../campaign/monitor/status-screen.ts';
import { resumeLine } from '../launcher.ts';

/** Who watches a campaign until its end. */
export interface FinishingObserver extends Observer {
  /** Puts the terminal back; may be called again. */
  finish(): void;
}

/** The status screen of a terminal. */
export function screen(): FinishingObserver {
  return new StatusScreen(process.stderr, resumeLine);
}

/** Seconds between log lines. */
const LOG_EVERY = 5;

/** Lines of a log, for what is no terminal. */
export function logging(log: Logger): FinishingObserver {
  let shown = 0;
  return {
    info: (text) => log.info(text),
    warn: (text) => log.warn(text),
    planned: (plan) =>
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
    found: (fault, folder) =>
      log.warn(
        { signature: fault.signature, execs: fault.firstExecs, path: join(folder, fault.path) },
        fault.summary,
      ),
    adapted: (threshold, why) => log.info({ threshold, why }, 'the threshold was adapted'),
    figures: ({ faults, shares, workers, newEntries, newEntriesSpan, mutators, ...figures }) => {
      if (figures.elapsedSeconds - shown < LOG_EVERY) return;
      shown = figures.elapsedSeconds;
      const favourite = [...mutators].sort((a, b) => b.share - a.share)[0]?.mutator;
      log.info({ ...figures, signatures: faults.length, slowest: slowest(shares), favourite }, 'fuzzing');
    },
    finish: () => {},
  };
}

function slowest(shares: Readonly<Record<string, number>>): string {
  return Object.entries(shares).reduce((a, b) => (b[1] > a[1] ? b : a))[0];
}
