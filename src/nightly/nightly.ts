import { join } from 'node:path';
import type { ExecutorFactory } from '../campaign/executor-factory.ts';
import { isConfirmedFault } from '../campaign/findings/fault-registry.ts';
import type { Monitor } from '../campaign/monitor/monitor.ts';
import { checkExtensions } from '../campaign/resolve/check-extensions.ts';
import type { NightlyCampaign, NightlyConfig } from '../config/nightly.ts';
import { makeFolder } from '../core/atomic-file.ts';
import { errorMessage, InterruptedError, MachineError, UserError } from '../core/errors.ts';
import { queueExecutorFactory } from '../distributed/coordinator/coordinator.ts';
import { DEFAULT_PREFIX } from '../distributed/protocol/redis-keys.ts';
import { checkQueue, parseQueueAddress } from '../distributed/redis/connection.ts';
import type { FailedCampaign } from '../report/objective-results.ts';
import type { ReportedCampaign } from '../report/view-model.ts';
import { Lock } from '../storage/lock.ts';
import { pluginPaths } from '../storage/trust/plugin-paths.ts';
import {
  type Baseline,
  EMPTY_BASELINE,
  nextBaseline,
  updateBaseline,
  withDecisions,
} from '../triage/baseline.ts';
import { exists } from '../triage/findings.ts';
import { minimize } from '../triage/minimize/minimize.ts';
import { isCounted, type TriagedFault, triage } from '../triage/triage.ts';
import { splitByShare, TimeBudget } from './budget.ts';
import { runTurn, type TurnResult } from './campaign-turn.ts';
import {
  BASELINES_FOLDER,
  NIGHTS_FOLDER,
  newestGeneration,
  newNightName,
  removeOldNights,
} from './generations.ts';
import { type NightReportFiles, nightReportFiles, writeNightReports } from './night-reports.ts';

/** Observes a night. */
export interface NightMonitor {
  /** Makes the monitor of one of its campaigns. */
  campaignMonitor(name: string): Monitor & { finish?(): void };
  info(text: string): void;
  warn(text: string): void;
}

/** A campaign that could not run, or ran too few mutants. */
export interface CampaignFailure extends FailedCampaign {
  /** Whether the cause is the machine, as opposed to the configuration. */
  readonly isMachine: boolean;
}

/** Result of a night. */
export interface NightResult {
  readonly night: string;
  /** Folder of this night's reports. */
  readonly folder: string;
  /** The reports of the latest night, in the nightly folder. */
  readonly files: NightReportFiles;
  readonly campaigns: readonly ReportedCampaign[];
  readonly failures: readonly CampaignFailure[];
  /** Number of new reproducible faults. */
  readonly fresh: number;
}

/** Maximum number of concurrent campaigns on a queue: each needs local processes that hold its model. */
const CAMPAIGN_CONCURRENCY = 8;

/**
 * Runs one night: continues every campaign for its share of the time, compares its faults with its baseline, and writes one report
 * on all campaigns. A night may be killed at any moment; the next night continues every campaign from its last checkpoint.
 *
 * @param replayLine makes the command that reproduces the finding in a folder
 * @param signal stops the campaigns early; the reports are still written
 * @throws UserError if a campaign names what does not exist, another night runs in the folder, or it is not writable;
 *   MachineError if the disk is full
 */
export async function nightly(
  config: NightlyConfig,
  observer: NightMonitor,
  replayLine: (folder: string) => string,
  signal: AbortSignal,
): Promise<NightResult> {
  const { out } = config;
  for (const campaign of config.campaigns) await checkCampaign(campaign);
  await makeFolder(out, 'the nightly folder');
  const lock = await Lock.acquire(out);
  try {
    return await runNight(config, observer, replayLine, signal);
  } finally {
    await lock.release();
  }
}

/** Refuses a misspelt kind at once: at the campaign's turn, hours of the night may have passed. */
async function checkCampaign({ name, config }: NightlyCampaign): Promise<void> {
  try {
    await checkExtensions(config);
  } catch (error) {
    throw error instanceof UserError ? new UserError(`campaigns.${name}: ${error.message}`) : error;
  }
}

async function runNight(
  config: NightlyConfig,
  observer: NightMonitor,
  replayLine: (folder: string) => string,
  signal: AbortSignal,
): Promise<NightResult> {
  const { out, campaigns, title, keep } = config;
  const night = await newNightName(out, new Date());
  const failures = new Map<string, CampaignFailure>();
  await runTurns(config, observer, signal, failures);
  const readable = await readableCampaigns(await begunCampaigns(out, campaigns), failures, observer);
  await minimizeNewFaults(config, readable, observer, signal);
  const reported = await writeNightReports(config, night, readable, [...failures.values()], {
    replayLine,
    wasInterrupted: signal.aborted,
  });
  for (const campaign of reported) {
    await makeFolder(join(out, BASELINES_FOLDER), 'the folder of baselines');
    // Somebody may have decided on faults since they were compared.
    await updateBaseline(
      baselinePath(out, campaign.name),
      (replaced) => withDecisions(nextBaseline(campaign), replaced),
      true,
    );
  }
  for (const folder of await removeOldNights(out, keep))
    observer.info(`${folder} is taken away: ${keep} nights are kept`);
  const fresh = reported.reduce((sum, { faults }) => sum + faults.filter(isCounted).length, 0);
  const files = nightReportFiles(out);
  observer.info(`${title}: ${fresh} new faults; ${files.html}`);
  return {
    night,
    folder: join(out, NIGHTS_FOLDER, night),
    files,
    campaigns: reported,
    failures: [...failures.values()],
    fresh,
  };
}

/** Runs all campaigns within the time budget, several concurrently if a queue is used. */
async function runTurns(
  config: NightlyConfig,
  observer: NightMonitor,
  signal: AbortSignal,
  failures: Map<string, CampaignFailure>,
): Promise<void> {
  const { campaigns, time, queue } = config;
  const execsByCampaign = new Map<string, number>();
  const runCampaignTurn = async (campaign: NightlyCampaign, milliseconds: number): Promise<boolean> => {
    const execs = execsByCampaign.get(campaign.name) ?? 0;
    const remaining = withRemainingExecs(campaign, execs);
    const turn = await tryTurn(config, remaining, milliseconds, observer, signal, failures);
    if (turn === undefined) return false;
    execsByCampaign.set(campaign.name, execs + turn.execs);
    const { idleReason, statistics } = turn.summary;
    const { name } = campaign;
    if (idleReason !== undefined && !statistics.faults.some(isConfirmedFault))
      failures.set(name, { name, message: idleReason, isMachine: false });
    return turn.summary.stopped === 'time';
  };
  const groups = splitByShare(campaigns, queue === undefined ? 1 : CAMPAIGN_CONCURRENCY);
  await Promise.all(
    groups.map((group) =>
      new TimeBudget<NightlyCampaign>(time).spend(group, runCampaignTurn, () => signal.aborted),
    ),
  );
  if (signal.aborted) return;
  for (const {
    name,
    config: { minExecs = 0 },
  } of campaigns) {
    const execs = execsByCampaign.get(name) ?? 0;
    if (failures.has(name) || execs >= minExecs) continue;
    const message = `only ${execs} mutants ran, fewer than minExecs ${minExecs}`;
    failures.set(name, { name, message, isMachine: true });
  }
}

/** Makes an executor factory that distributes a campaign over the nodes on a queue. */
async function nightExecutorFactory(queue: string | true, name: string): Promise<ExecutorFactory> {
  const address = parseQueueAddress(queue === true ? undefined : queue);
  await checkQueue(address, DEFAULT_PREFIX);
  return queueExecutorFactory({ address, prefix: DEFAULT_PREFIX, name, mixed: false });
}

/** Reduces the limit of mutants of a campaign, if any, by those that have run tonight. */
function withRemainingExecs(campaign: NightlyCampaign, execs: number): NightlyCampaign {
  const { config } = campaign;
  if (config.execs === undefined) return campaign;
  return { ...campaign, config: { ...config, execs: Math.max(1, config.execs - execs) } };
}

/** Runs one turn of a campaign. A failure is recorded and does not affect the other campaigns. */
async function tryTurn(
  { out, distill, queue }: NightlyConfig,
  campaign: NightlyCampaign,
  milliseconds: number,
  observer: NightMonitor,
  signal: AbortSignal,
  failures: Map<string, CampaignFailure>,
): Promise<TurnResult | undefined> {
  const { name } = campaign;
  const monitor = observer.campaignMonitor(name);
  observer.info(`${name}: ${(milliseconds / 1000).toFixed(0)} s`);
  try {
    const executorFactory = queue === undefined ? undefined : await nightExecutorFactory(queue, name);
    const context = { monitor, signal, executorFactory };
    return await runTurn(out, campaign, milliseconds, distill, context);
  } catch (error) {
    if (error instanceof InterruptedError) return undefined;
    if (!(error instanceof UserError || error instanceof MachineError)) throw error;
    failures.set(name, { name, message: errorMessage(error), isMachine: error instanceof MachineError });
    observer.warn(`${name} could not run: ${errorMessage(error)}`);
    return undefined;
  } finally {
    monitor.finish?.();
  }
}

interface BegunCampaign {
  readonly name: string;
  readonly folder: string;
  /** Path of the baseline of the previous nights, or the empty one. */
  readonly against: Baseline | string;
  /** Absolute paths of the plug-ins that its settings in the nightly file name. */
  readonly plugins: readonly string[];
}

/** The campaigns that have a folder, each with its baseline. */
async function begunCampaigns(out: string, campaigns: readonly NightlyCampaign[]): Promise<BegunCampaign[]> {
  const begun: BegunCampaign[] = [];
  for (const { name, config } of campaigns) {
    const { folder, hasBegun } = await newestGeneration(out, name);
    if (!hasBegun) continue;
    const baseline = baselinePath(out, name);
    const against = (await exists(baseline)) ? baseline : EMPTY_BASELINE;
    begun.push({ name, folder, against, plugins: pluginPaths(config) });
  }
  return begun;
}

/** A campaign whose findings can be read, with its new reproducible faults. */
interface ReadableCampaign extends BegunCampaign {
  readonly newFaults: readonly TriagedFault[];
}

/** Triages the campaigns. One that can't be read is recorded as a failure and does not affect the others. */
async function readableCampaigns(
  begun: readonly BegunCampaign[],
  failures: Map<string, CampaignFailure>,
  observer: NightMonitor,
): Promise<ReadableCampaign[]> {
  const readable: ReadableCampaign[] = [];
  for (const campaign of begun) {
    const { name, folder, against } = campaign;
    try {
      const { faults, damage } = await triage([folder], { against });
      for (const description of damage) observer.warn(description);
      readable.push({ ...campaign, newFaults: faults.filter(isCounted) });
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      failures.set(name, { name, message: errorMessage(error), isMachine: false });
    }
  }
  return readable;
}

/** Path of a campaign's baseline in the nightly folder. */
export function baselinePath(out: string, name: string): string {
  return join(out, BASELINES_FOLDER, `${name}.json`);
}

/** Minimizes the representative finding of each new fault for the report. */
async function minimizeNewFaults(
  { minimize: tries }: NightlyConfig,
  campaigns: readonly ReadableCampaign[],
  observer: NightMonitor,
  signal: AbortSignal,
): Promise<void> {
  if (tries === 0) return;
  for (const { newFaults, plugins: named } of campaigns) {
    for (const { path, signature } of newFaults) {
      if (signal.aborted) return;
      try {
        for await (const { smaller } of minimize([path], { tries, named }))
          if (smaller.length > 0) observer.info(`${signature}: made smaller`);
      } catch (error) {
        if (!(error instanceof UserError || error instanceof MachineError)) throw error;
        observer.warn(`${signature} is left as large as it is: ${errorMessage(error)}`);
      }
    }
  }
}
