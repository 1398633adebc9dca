import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExecutorFactory } from '../campaign/executor-factory.ts';
import type { Monitor } from '../campaign/monitor/monitor.ts';
import type { NightlyCampaign, NightlyConfig } from '../config/nightly.ts';
import { makeFolder, writeAtomically } from '../core/atomic-file.ts';
import { errorMessage, fileError, InterruptedError, MachineError, UserError } from '../core/errors.ts';
import { queueExecutorFactory } from '../distributed/coordinator/coordinator.ts';
import { DEFAULT_PREFIX } from '../distributed/protocol/redis-keys.ts';
import { checkQueue, parseQueueAddress } from '../distributed/redis/connection.ts';
import type { FailedCampaign } from '../report/objective-results.ts';
import { isCounted, report } from '../report/report.ts';
import type { ReportedCampaign } from '../report/view-model.ts';
import { FORMAT_VERSION } from '../storage/finding.ts';
import { Lock } from '../storage/lock.ts';
import { type Baseline, EMPTY_BASELINE, writeBaseline } from '../triage/baseline.ts';
import { exists } from '../triage/findings.ts';
import { minimize } from '../triage/minimize/minimize.ts';
import { isReproducible, type TriagedFault, triage } from '../triage/triage.ts';
import { splitByShare, TimeBudget } from './budget.ts';
import { runTurn, type TurnResult } from './campaign-turn.ts';
import {
  BASELINES_FOLDER,
  NIGHT_SUMMARY_FILE,
  NIGHTS_FOLDER,
  newestGeneration,
  newNightName,
  removeOldNights,
} from './generations.ts';

/** Who watches a night. */
export interface NightMonitor {
  /** Who watches one of its campaigns. */
  campaignMonitor(name: string): Monitor & { finish?(): void };
  info(text: string): void;
  warn(text: string): void;
}

/** A campaign that could not run as it should, and whose fault that is. */
export interface CampaignFailure extends FailedCampaign {
  readonly isMachine: boolean;
}

/** What came of a night. */
export interface NightResult {
  readonly night: string;
  /** The night's own folder of reports. */
  readonly folder: string;
  readonly files: ReportPaths;
  readonly campaigns: readonly ReportedCampaign[];
  readonly failures: readonly CampaignFailure[];
  /** Faults that count: they come up again and are new. */
  readonly fresh: number;
}

interface ReportPaths {
  readonly html: string;
  readonly junit: string;
  readonly sarif: string;
  readonly markdown: string;
}

/** Campaigns that are on a queue at the same time: for each, processes here hold the model as well. */
const CAMPAIGN_CONCURRENCY = 8;

const REPORT_FILES: ReportPaths = {
  html: 'report.html',
  junit: 'junit.xml',
  sarif: 'report.sarif',
  markdown: 'summary.md',
};

/**
 * Runs one night: every campaign goes on within its share of the time, is compared with what was known before, and all are
 * reported on one page. It may be ended at any moment; the next night goes on with every campaign where it stood.
 *
 * @param replayLine the command that runs a finding again
 * @param signal ends the campaigns in order; the reports are written all the same
 * @throws UserError where another night runs in the folder, or it can't be written; MachineError where the disk is full
 */
export async function nightly(
  config: NightlyConfig,
  observer: NightMonitor,
  replayLine: (folder: string) => string,
  signal: AbortSignal,
): Promise<NightResult> {
  const { out } = config;
  await makeFolder(out, 'the nightly folder');
  const lock = await Lock.acquire(out);
  try {
    return await runNight(config, observer, replayLine, signal);
  } finally {
    await lock.release();
  }
}

async function runNight(
  config: NightlyConfig,
  observer: NightMonitor,
  replayLine: (folder: string) => string,
  signal: AbortSignal,
): Promise<NightResult> {
  const { out, campaigns, time, title, keep } = config;
  const night = await newNightName(out, new Date());
  const failures = new Map<string, CampaignFailure>();
  const execs = new Map<string, number>();
  const turn = async (campaign: NightlyCampaign, milliseconds: number): Promise<boolean> => {
    const ran = execs.get(campaign.name) ?? 0;
    const taken = await tryTurn(
      config,
      withRemainingExecs(campaign, ran),
      milliseconds,
      observer,
      signal,
      failures,
    );
    if (taken === undefined) return false;
    execs.set(campaign.name, ran + taken.execs);
    return taken.summary.stopped === 'time';
  };
  // Machines on a queue are there for several of them at the same time.
  const sideBySide = splitByShare(campaigns, config.queue === undefined ? 1 : CAMPAIGN_CONCURRENCY);
  const spent = sideBySide.map((lane) =>
    new TimeBudget<NightlyCampaign>(time).spend(lane, turn, () => signal.aborted),
  );
  await Promise.all(spent);
  for (const { name, config: own } of campaigns) {
    const ran = execs.get(name) ?? 0;
    if (failures.has(name) || signal.aborted || ran >= (own.minExecs ?? 0)) continue;
    const message = `only ${ran} mutants ran, fewer than minExecs ${own.minExecs}`;
    failures.set(name, { name, message, isMachine: true });
  }
  const shown = await readableCampaigns(await begunCampaigns(out, campaigns), failures);
  await minimizeNewFaults(config, shown, observer, signal);
  const reported = await writeReports(
    config,
    night,
    shown,
    [...failures.values()],
    replayLine,
    signal.aborted,
  );
  for (const { name, faults } of reported) {
    const known = faults.filter(isReproducible);
    await makeFolder(join(out, BASELINES_FOLDER), 'the folder of baselines');
    await writeBaseline(baselinePath(out, name), known);
  }
  for (const folder of await removeOldNights(out, keep))
    observer.info(`${folder} is taken away: ${keep} nights are kept`);
  const fresh = reported.reduce((sum, { faults }) => sum + faults.filter(isCounted).length, 0);
  observer.info(`${title}: ${fresh} new faults; ${join(out, REPORT_FILES.html)}`);
  return {
    night,
    folder: join(out, NIGHTS_FOLDER, night),
    files: reportPaths(out),
    campaigns: reported,
    failures: [...failures.values()],
    fresh,
  };
}

/** What has the machines on a queue carry a campaign out. */
async function nightExecutorFactory(queue: string | true, name: string): Promise<ExecutorFactory> {
  const address = parseQueueAddress(queue === true ? undefined : queue);
  await checkQueue(address, DEFAULT_PREFIX);
  return queueExecutorFactory({ address, prefix: DEFAULT_PREFIX, name, mixed: false });
}

/** A campaign with what is left of its mutants for tonight, where they are bounded. */
function withRemainingExecs(campaign: NightlyCampaign, ran: number): NightlyCampaign {
  const { config } = campaign;
  if (config.execs === undefined) return campaign;
  return { ...campaign, config: { ...config, execs: Math.max(1, config.execs - ran) } };
}

/** One turn; undefined where it failed, which keeps no other campaign from its own. */
async function tryTurn(
  { out, distill, queue }: NightlyConfig,
  campaign: NightlyCampaign,
  milliseconds: number,
  observer: NightMonitor,
  signal: AbortSignal,
  failures: Map<string, CampaignFailure>,
): Promise<TurnResult | undefined> {
  const { name } = campaign;
  const own = observer.campaignMonitor(name);
  observer.info(`${name}: ${(milliseconds / 1000).toFixed(0)} s`);
  try {
    const elsewhere = queue === undefined ? undefined : await nightExecutorFactory(queue, name);
    return await runTurn(out, campaign, milliseconds, distill, {
      monitor: own,
      signal,
      executorFactory: elsewhere,
    });
  } catch (error) {
    if (error instanceof InterruptedError) return undefined;
    if (!(error instanceof UserError || error instanceof MachineError)) throw error;
    failures.set(name, { name, message: errorMessage(error), isMachine: error instanceof MachineError });
    observer.warn(`${name} could not run: ${errorMessage(error)}`);
    return undefined;
  } finally {
    own.finish?.();
  }
}

interface BegunCampaign {
  readonly name: string;
  readonly folder: string;
  readonly against: Baseline | string;
}

/** The campaigns that have begun, tonight or before, each with what was known of it. */
async function begunCampaigns(out: string, campaigns: readonly NightlyCampaign[]): Promise<BegunCampaign[]> {
  const shown: BegunCampaign[] = [];
  for (const { name } of campaigns) {
    const { folder, hasBegun } = await newestGeneration(out, name);
    if (!hasBegun) continue;
    const baseline = baselinePath(out, name);
    shown.push({ name, folder, against: (await exists(baseline)) ? baseline : EMPTY_BASELINE });
  }
  return shown;
}

/** A campaign whose findings can be read, with its faults that count. */
interface ReadableCampaign extends BegunCampaign {
  readonly newFaults: readonly TriagedFault[];
}

/** Those whose findings can be read; what is damaged in one keeps no other from being reported. */
async function readableCampaigns(
  shown: readonly BegunCampaign[],
  failures: Map<string, CampaignFailure>,
): Promise<ReadableCampaign[]> {
  const sound: ReadableCampaign[] = [];
  for (const one of shown) {
    try {
      const { faults } = await triage([one.folder], { against: one.against });
      sound.push({ ...one, newFaults: faults.filter(isCounted) });
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      failures.set(one.name, { name: one.name, message: errorMessage(error), isMachine: false });
    }
  }
  return sound;
}

function baselinePath(out: string, name: string): string {
  return join(out, BASELINES_FOLDER, `${name}.json`);
}

/** Makes one finding of each new fault smaller: that is what people look at in the morning. */
async function minimizeNewFaults(
  { minimize: tries }: NightlyConfig,
  shown: readonly ReadableCampaign[],
  observer: NightMonitor,
  signal: AbortSignal,
): Promise<void> {
  if (tries === 0) return;
  for (const { newFaults } of shown) {
    for (const { path, signature } of newFaults) {
      if (signal.aborted) return;
      try {
        for await (const { smaller } of minimize([path], { tries }))
          if (smaller.length > 0) observer.info(`${signature}: made smaller`);
      } catch (error) {
        if (!(error instanceof UserError || error instanceof MachineError)) throw error;
        observer.warn(`${signature} is left as large as it is: ${errorMessage(error)}`);
      }
    }
  }
}

/** Reports into the night's own folder, and to the same names above all nights. */
async function writeReports(
  { out, title }: NightlyConfig,
  night: string,
  shown: readonly BegunCampaign[],
  failures: readonly CampaignFailure[],
  replayLine: (folder: string) => string,
  wasInterrupted: boolean,
): Promise<ReportedCampaign[]> {
  const notes = [
    ...failures.map(({ name, message }) => `${name} could not run: ${message}`),
    ...(wasInterrupted ? ['The night was ended before its time was up.'] : []),
  ];
  const options = { title: `${title}, ${night}`, replayLine, notes, failures };
  const own = reportPaths(join(out, NIGHTS_FOLDER, night));
  const reported = await report(shown, own, options);
  const above = reportPaths(out);
  for (const kind of ['html', 'junit', 'sarif', 'markdown'] as const)
    await replaceFile(above[kind], await readFile(own[kind]));
  const summary = { formatVersion: FORMAT_VERSION, night, campaigns: reported, failures };
  await replaceFile(
    join(out, NIGHTS_FOLDER, night, NIGHT_SUMMARY_FILE),
    `${JSON.stringify(summary, null, 2)}\n`,
  );
  return reported;
}

async function replaceFile(path: string, content: string | Uint8Array): Promise<void> {
  try {
    await writeAtomically(path, content);
  } catch (error) {
    throw fileError(error, 'write', path);
  }
}

function reportPaths(folder: string): ReportPaths {
  const { html, junit, sarif, markdown } = REPORT_FILES;
  return {
    html: join(folder, html),
    junit: join(folder, junit),
    sarif: join(folder, sarif),
    markdown: join(folder, markdown),
  };
}
