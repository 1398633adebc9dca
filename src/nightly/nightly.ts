import { join } from 'node:path';
import { checkExtensions } from '../campaign/resolve/check-extensions.ts';
import type { NightlyCampaign, NightlyConfig } from '../config/nightly.ts';
import { makeFolder } from '../core/atomic-file.ts';
import { errorMessage, MachineError, UserError } from '../core/errors.ts';
import { plural } from '../core/format-number.ts';
import type { ReportedCampaign, RunFigures } from '../report/view-model.ts';
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
import { playCup } from './cup.ts';
import { type CupResult, cupText } from './cup-result.ts';
import {
  BASELINES_FOLDER,
  baselinePath,
  NIGHTS_FOLDER,
  newestGeneration,
  newNightName,
  removeOldNights,
} from './generations.ts';
import { type NightReportFiles, nightReportFiles, writeNightReports } from './night-reports.ts';
import { nightTitle } from './night-title.ts';
import { type CampaignFailure, type NightMonitor, runTurns } from './turns.ts';

/** Result of a night. */
export interface NightResult {
  readonly night: string;
  /** The heading of its reports. */
  readonly title: string;
  /** Folder of this night's reports. */
  readonly folder: string;
  /** The reports of the latest night, in the nightly folder. */
  readonly files: NightReportFiles;
  readonly campaigns: readonly ReportedCampaign[];
  readonly failures: readonly CampaignFailure[];
  /** Number of new reproducible faults. */
  readonly fresh: number;
  /** What the cup says of tonight's model; absent without one. */
  readonly cup?: CupResult;
}

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
  const nightHeading = `${title}, ${nightTitle(night)}`;
  const { failures, figures } = await runTurns(config, observer, signal);
  const cup = signal.aborted ? undefined : await playNightCup(config, observer, failures);
  const begun = await begunCampaigns(out, campaigns, figures);
  const readable = await readableCampaigns(begun, failures, observer);
  await minimizeNewFaults(config, readable, observer, signal);
  observer.onPhase('writing reports');
  const reported = await writeNightReports(out, night, readable, [...failures.values()], {
    title: nightHeading,
    name: title,
    replayLine,
    notes: [
      ...(signal.aborted ? ['The night was ended before its time was up.'] : []),
      ...(cup === undefined ? [] : [cupText(cup)]),
    ],
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
    observer.info(`Removed ${folder}: the last ${plural(keep, 'night')} ${keep === 1 ? 'is' : 'are'} kept`);
  const fresh = reported.reduce((sum, { faults }) => sum + faults.filter(isCounted).length, 0);
  const files = nightReportFiles(out);
  return {
    night,
    title: nightHeading,
    folder: join(out, NIGHTS_FOLDER, night),
    files,
    campaigns: reported,
    failures: [...failures.values()],
    fresh,
    ...(cup === undefined ? {} : { cup }),
  };
}

/** Plays the cup, if there is one. Where it can't be played it is recorded as a failure and does not affect the campaigns. */
async function playNightCup(
  { cup, out }: NightlyConfig,
  observer: NightMonitor,
  failures: Map<string, CampaignFailure>,
): Promise<CupResult | undefined> {
  if (cup === undefined) return undefined;
  try {
    return await playCup(out, cup, observer, ({ done, total }) =>
      observer.onPhase('playing the cup', done, total),
    );
  } catch (error) {
    if (!(error instanceof UserError || error instanceof MachineError)) throw error;
    const failure = {
      name: 'cup',
      message: errorMessage(error),
      isMachine: error instanceof MachineError,
      isCup: true,
    };
    // A campaign may have this name, too.
    failures.set('the cup', failure);
    observer.onFailure(failure);
    return undefined;
  }
}

interface BegunCampaign {
  readonly name: string;
  readonly folder: string;
  /** Path of the baseline of the previous nights, or the empty one. */
  readonly against: Baseline | string;
  /** What ran of it in this night. */
  readonly tonight: RunFigures;
  /** Absolute paths of the plug-ins that its settings in the nightly file name. */
  readonly plugins: readonly string[];
}

/** The campaigns that have a folder, each with its baseline. */
async function begunCampaigns(
  out: string,
  campaigns: readonly NightlyCampaign[],
  figures: ReadonlyMap<string, RunFigures>,
): Promise<BegunCampaign[]> {
  const begun: BegunCampaign[] = [];
  for (const { name, config } of campaigns) {
    const { folder, hasBegun } = await newestGeneration(out, name);
    if (!hasBegun) continue;
    const baseline = baselinePath(out, name);
    const against = (await exists(baseline)) ? baseline : EMPTY_BASELINE;
    const tonight = figures.get(name) ?? { execs: 0, seconds: 0 };
    begun.push({ name, folder, against, tonight, plugins: pluginPaths(config) });
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
      const failure = { name, message: errorMessage(error), isMachine: false };
      failures.set(name, failure);
      observer.onFailure(failure);
    }
  }
  return readable;
}

/** Minimizes the representative finding of each new fault for the report. */
async function minimizeNewFaults(
  { minimize: tries }: NightlyConfig,
  campaigns: readonly ReadableCampaign[],
  observer: NightMonitor,
  signal: AbortSignal,
): Promise<void> {
  if (tries === 0) return;
  const faults = campaigns.flatMap(({ name, newFaults, plugins }) =>
    newFaults.map(({ path, signature }) => ({ name, path, signature, plugins })),
  );
  for (const [i, { name, path, signature, plugins }] of faults.entries()) {
    if (signal.aborted) return;
    observer.onPhase(`minimizing ${name} ${signature}`, i, faults.length);
    try {
      for await (const { smaller } of minimize([path], { tries, named: plugins }))
        if (smaller.length > 0) observer.info(`${name} ${signature}: minimized`);
    } catch (error) {
      if (!(error instanceof UserError || error instanceof MachineError)) throw error;
      observer.warn(`${name} ${signature} is not minimized: ${errorMessage(error)}`);
    }
  }
}
