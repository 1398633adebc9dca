import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Observer } from '../campaign/monitor/monitor.ts';
import type { Elsewhere } from '../campaign/run-campaign.ts';
import type { NightlyCampaign, NightlyConfig } from '../config/nightly.ts';
import { makeFolder, writeWhole } from '../core/atomic-file.ts';
import { fileError, Interrupted, MachineError, reason, UserError } from '../core/errors.ts';
import { onQueue } from '../distributed/coordinator/coordinator.ts';
import { PREFIX } from '../distributed/protocol/redis-keys.ts';
import { checkQueue, queueAddress } from '../distributed/redis/connection.ts';
import type { FailedCampaign } from '../report/objective-results.ts';
import { isCounted, report } from '../report/report.ts';
import type { ReportedCampaign } from '../report/view-model.ts';
import { FORMAT_VERSION } from '../storage/finding.ts';
import { Lock } from '../storage/lock.ts';
import { type Baseline, NOTHING_KNOWN, writeBaseline } from '../triage/baseline.ts';
import { exists } from '../triage/findings.ts';
import { minimize } from '../triage/minimize/minimize.ts';
import { isSound, type TriagedFault, triage } from '../triage/triage.ts';
import { Budget, lanes } from './budget.ts';
import { type Turn, takeTurn } from './campaign-turn.ts';
import { BASELINES, NIGHT_FILE, NIGHTS, newestGeneration, newNight, retain } from './generations.ts';

/** Who watches a night. */
export interface NightObserver {
  /** Who watches one of its campaigns. */
  campaign(name: string): Observer & { finish?(): void };
  info(text: string): void;
  warn(text: string): void;
}

/** A campaign that could not run as it should, and whose fault that is. */
export interface Failure extends FailedCampaign {
  readonly isMachine: boolean;
}

/** What came of a night. */
export interface NightResult {
  readonly night: string;
  /** The night's own folder of reports. */
  readonly folder: string;
  readonly files: ReportNames;
  readonly campaigns: readonly ReportedCampaign[];
  readonly failures: readonly Failure[];
  /** Faults that count: they come up again and are new. */
  readonly fresh: number;
}

interface ReportNames {
  readonly html: string;
  readonly junit: string;
  readonly sarif: string;
  readonly markdown: string;
}

/** Campaigns that are on a queue at the same time: for each, processes here hold the model as well. */
const SIDE_BY_SIDE = 8;

const REPORTS: ReportNames = {
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
  observer: NightObserver,
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
  observer: NightObserver,
  replayLine: (folder: string) => string,
  signal: AbortSignal,
): Promise<NightResult> {
  const { out, campaigns, time, title, keep } = config;
  const night = await newNight(out, new Date());
  const failures = new Map<string, Failure>();
  const execs = new Map<string, number>();
  const turn = async (campaign: NightlyCampaign, milliseconds: number): Promise<boolean> => {
    const ran = execs.get(campaign.name) ?? 0;
    const taken = await tryTurn(config, tonight(campaign, ran), milliseconds, observer, signal, failures);
    if (taken === undefined) return false;
    execs.set(campaign.name, ran + taken.ran);
    return taken.summary.stopped === 'time';
  };
  // Machines on a queue are there for several of them at the same time.
  const sideBySide = lanes(campaigns, config.queue === undefined ? 1 : SIDE_BY_SIDE);
  const spent = sideBySide.map((lane) =>
    new Budget<NightlyCampaign>(time).spend(lane, turn, () => signal.aborted),
  );
  await Promise.all(spent);
  for (const { name, config: own } of campaigns) {
    const ran = execs.get(name) ?? 0;
    if (failures.has(name) || signal.aborted || ran >= (own.minExecs ?? 0)) continue;
    const message = `only ${ran} mutants ran, fewer than minExecs ${own.minExecs}`;
    failures.set(name, { name, message, isMachine: true });
  }
  const shown = await readable(await generationsOf(out, campaigns), failures);
  await minimizeNew(config, shown, observer, signal);
  const reported = await writeReports(
    config,
    night,
    shown,
    [...failures.values()],
    replayLine,
    signal.aborted,
  );
  for (const { name, faults } of reported) {
    const known = faults.filter(isSound);
    await makeFolder(join(out, BASELINES), 'the folder of baselines');
    await writeBaseline(baselinePath(out, name), known);
  }
  for (const folder of await retain(out, keep))
    observer.info(`${folder} is taken away: ${keep} nights are kept`);
  const fresh = reported.reduce((sum, { faults }) => sum + faults.filter(isCounted).length, 0);
  observer.info(`${title}: ${fresh} new faults; ${join(out, REPORTS.html)}`);
  return {
    night,
    folder: join(out, NIGHTS, night),
    files: placed(out),
    campaigns: reported,
    failures: [...failures.values()],
    fresh,
  };
}

/** What has the machines on a queue carry a campaign out. */
async function onNightsQueue(queue: string | true, name: string): Promise<Elsewhere> {
  const address = queueAddress(queue === true ? undefined : queue);
  await checkQueue(address, PREFIX);
  return onQueue({ address, prefix: PREFIX, name, mixed: false });
}

/** A campaign with what is left of its mutants for tonight, where they are bounded. */
function tonight(campaign: NightlyCampaign, ran: number): NightlyCampaign {
  const { config } = campaign;
  if (config.execs === undefined) return campaign;
  return { ...campaign, config: { ...config, execs: Math.max(1, config.execs - ran) } };
}

/** One turn; undefined where it failed, which keeps no other campaign from its own. */
async function tryTurn(
  { out, distill, queue }: NightlyConfig,
  campaign: NightlyCampaign,
  milliseconds: number,
  observer: NightObserver,
  signal: AbortSignal,
  failures: Map<string, Failure>,
): Promise<Turn | undefined> {
  const { name } = campaign;
  const own = observer.campaign(name);
  observer.info(`${name}: ${(milliseconds / 1000).toFixed(0)} s`);
  try {
    const elsewhere = queue === undefined ? undefined : await onNightsQueue(queue, name);
    return await takeTurn(out, campaign, milliseconds, distill, { observer: own, signal, elsewhere });
  } catch (error) {
    if (error instanceof Interrupted) return undefined;
    if (!(error instanceof UserError || error instanceof MachineError)) throw error;
    failures.set(name, { name, message: reason(error), isMachine: error instanceof MachineError });
    observer.warn(`${name} could not run: ${reason(error)}`);
    return undefined;
  } finally {
    own.finish?.();
  }
}

interface Shown {
  readonly name: string;
  readonly folder: string;
  readonly against: Baseline | string;
}

/** The campaigns that have begun, tonight or before, each with what was known of it. */
async function generationsOf(out: string, campaigns: readonly NightlyCampaign[]): Promise<Shown[]> {
  const shown: Shown[] = [];
  for (const { name } of campaigns) {
    const { folder, hasBegun } = await newestGeneration(out, name);
    if (!hasBegun) continue;
    const baseline = baselinePath(out, name);
    shown.push({ name, folder, against: (await exists(baseline)) ? baseline : NOTHING_KNOWN });
  }
  return shown;
}

/** A campaign whose findings can be read, with its faults that count. */
interface Readable extends Shown {
  readonly fresh: readonly TriagedFault[];
}

/** Those whose findings can be read; what is damaged in one keeps no other from being reported. */
async function readable(shown: readonly Shown[], failures: Map<string, Failure>): Promise<Readable[]> {
  const sound: Readable[] = [];
  for (const one of shown) {
    try {
      const { faults } = await triage([one.folder], { against: one.against });
      sound.push({ ...one, fresh: faults.filter(isCounted) });
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      failures.set(one.name, { name: one.name, message: reason(error), isMachine: false });
    }
  }
  return sound;
}

function baselinePath(out: string, name: string): string {
  return join(out, BASELINES, `${name}.json`);
}

/** Makes one finding of each new fault smaller: that is what people look at in the morning. */
async function minimizeNew(
  { minimize: tries }: NightlyConfig,
  shown: readonly Readable[],
  observer: NightObserver,
  signal: AbortSignal,
): Promise<void> {
  if (tries === 0) return;
  for (const { fresh } of shown) {
    for (const { path, signature } of fresh) {
      if (signal.aborted) return;
      try {
        for await (const { smaller } of minimize([path], { tries }))
          if (smaller.length > 0) observer.info(`${signature}: made smaller`);
      } catch (error) {
        if (!(error instanceof UserError || error instanceof MachineError)) throw error;
        observer.warn(`${signature} is left as large as it is: ${reason(error)}`);
      }
    }
  }
}

/** Reports into the night's own folder, and to the same names above all nights. */
async function writeReports(
  { out, title }: NightlyConfig,
  night: string,
  shown: readonly Shown[],
  failures: readonly Failure[],
  replayLine: (folder: string) => string,
  wasInterrupted: boolean,
): Promise<ReportedCampaign[]> {
  const notes = [
    ...failures.map(({ name, message }) => `${name} could not run: ${message}`),
    ...(wasInterrupted ? ['The night was ended before its time was up.'] : []),
  ];
  const options = { title: `${title}, ${night}`, replayLine, notes, failures };
  const own = placed(join(out, NIGHTS, night));
  const reported = await report(shown, own, options);
  const above = placed(out);
  for (const kind of ['html', 'junit', 'sarif', 'markdown'] as const)
    await rewrite(above[kind], await readFile(own[kind]));
  const summary = { formatVersion: FORMAT_VERSION, night, campaigns: reported, failures };
  await rewrite(join(out, NIGHTS, night, NIGHT_FILE), `${JSON.stringify(summary, null, 2)}\n`);
  return reported;
}

async function rewrite(path: string, content: string | Uint8Array): Promise<void> {
  try {
    await writeWhole(path, content);
  } catch (error) {
    throw fileError(error, 'write', path);
  }
}

function placed(folder: string): ReportNames {
  const { html, junit, sarif, markdown } = REPORTS;
  return {
    html: join(folder, html),
    junit: join(folder, junit),
    sarif: join(folder, sarif),
    markdown: join(folder, markdown),
  };
}
