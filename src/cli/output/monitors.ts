import { join } from 'node:path';
import type { Logger } from 'pino';
import { type CampaignPlan, type Monitor, phaseText } from '../../campaign/monitor/monitor.ts';
import { mutatorLabel } from '../../campaign/monitor/mutator-label.ts';
import { sessionTime, sessionTimeParts } from '../../campaign/monitor/session-time.ts';
import type { Statistics } from '../../campaign/monitor/statistics.ts';
import { formatCount, plural } from '../../core/format-number.ts';
import { resumeLine } from '../launcher.ts';
import { canRedraw } from './live-area.ts';
import { makeLogger, type OutputOptions } from './logging.ts';
import { StatusScreen, thresholdText } from './status-screen.ts';

/** A monitor that holds a resource, such as the terminal, until it is finished. */
export interface FinishingMonitor extends Monitor {
  /** Releases the resource; may be called repeatedly. */
  finish(): void;
}

/** Whether a screen is shown: on a terminal, unless --json, --quiet or --log-format asks for a log. */
export function showsScreen(options: OutputOptions): boolean {
  return (
    options.quiet !== true &&
    options.json !== true &&
    options.logFormat === undefined &&
    canRedraw(process.stderr)
  );
}

/** The monitor of a campaign: a screen on a terminal, else a log; with --json or --quiet a log as well. */
export function createMonitor(options: OutputOptions): FinishingMonitor {
  return showsScreen(options)
    ? new StatusScreen(process.stderr, { resumeLine, logLevel: options.logLevel })
    : createLogMonitor(makeLogger(options));
}

/** Interval of statistics in the log, and of progress before the first mutant. */
const LOG_INTERVAL_SECONDS = 10;

/** Logs events, and every ten seconds the statistics, for output that is not a terminal. */
export function createLogMonitor(log: Logger, now = () => performance.now()): FinishingMonitor {
  let loggedAt: number | undefined;
  let loggedPhase: { readonly name: string; readonly at: number } | undefined;
  let plan: CampaignPlan | undefined;
  const isDue = (at: number): boolean => now() - at >= 1000 * LOG_INTERVAL_SECONDS;
  return {
    info: (text) => log.info(text),
    warn: (text) => log.warn(text),
    onPhase: (phase) => {
      if (loggedPhase?.name === phase.name && !isDue(loggedPhase.at)) return;
      loggedPhase = { name: phase.name, at: now() };
      log.info({ phase: phase.name }, phaseText(phase));
    },
    onStart: (started) => {
      plan = started;
      loggedAt = now();
      log.info(startFields(started), startText(started));
    },
    onFault: (fault, folder) =>
      log.warn(
        { signature: fault.signature, execs: fault.firstExecs, path: join(folder, fault.path) },
        `new fault: ${fault.signature}: ${fault.summary} (${join(folder, fault.path)})`,
      ),
    onThresholdChange: (threshold, why) => log.debug({ threshold, why }, thresholdText(threshold, why)),
    onStatistics: (statistics) => {
      if (plan === undefined || (loggedAt !== undefined && !isDue(loggedAt))) return;
      loggedAt = now();
      log.info(statisticsFields(statistics), statisticsText(plan, statistics, now()));
    },
    finish: () => {},
  };
}

function startFields({ folder, masterSeed, jobs, batch, seeds }: CampaignPlan) {
  return { campaign: folder, seed: masterSeed, jobs, batch, seeds, resume: resumeLine(folder) };
}

function startText({ folder, masterSeed, jobs, batch, seeds }: CampaignPlan): string {
  const size = `${plural(seeds, 'seed')}, ${plural(jobs, 'worker')}, batches of ${formatCount(batch)}`;
  return `Campaign: ${folder}, seed ${masterSeed}, ${size}. Resume: ${resumeLine(folder)}`;
}

/** The statistics for programs: those of stats.json that change, without the long ones. */
function statisticsFields({
  faults,
  shares,
  workers,
  newEntries,
  newEntriesSpan,
  mutators,
  seedAccounts,
  sites,
  notLookedInto,
  ...statistics
}: Statistics) {
  const [largest] = [...mutators].sort((a, b) => b.share - a.share);
  const broken = Object.fromEntries(seedAccounts.map((account) => [account.objective, account.broken]));
  return {
    ...statistics,
    signatures: faults.length,
    ...(seedAccounts.length === 0 ? {} : { broken }),
    slowest: slowestPhase(shares),
    favourite: largest && mutatorLabel(largest, mutators),
  };
}

/** The statistics on one line: `fuzzing: 7 s of 60 s, remaining 53 s; 12,345 mutants, 1,234 per second; …`. */
export function statisticsText(plan: CampaignPlan, statistics: Statistics, now: number): string {
  const { execs, execsPerSecondNow, corpus, faults, hits, seedAccounts } = statistics;
  const found =
    faults.length === 0 ? 'no faults' : `${plural(faults.length, 'fault')} (${plural(hits, 'hit')})`;
  return [
    `fuzzing: ${sessionTimeParts(sessionTime(plan.limits, statistics, now)).join(', ')}`,
    `${plural(execs, 'mutant')}, ${formatCount(Math.round(execsPerSecondNow))} per second`,
    `corpus ${formatCount(corpus)}`,
    ...seedAccounts.map(
      ({ objective, broken, seeds }) =>
        `${objective}: ${formatCount(broken)} of ${plural(seeds, 'seed')} broken`,
    ),
    found,
  ].join('; ');
}

function slowestPhase(shares: Readonly<Record<string, number>>): string {
  return Object.entries(shares).reduce((a, b) => (b[1] > a[1] ? b : a))[0];
}
