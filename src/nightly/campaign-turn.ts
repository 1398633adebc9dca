import { access } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExecutorFactory } from '../campaign/executor-factory.ts';
import type { CampaignSummary, Monitor } from '../campaign/monitor/monitor.ts';
import { runCampaign } from '../campaign/run-campaign.ts';
import { readCampaignFile } from '../config/load.ts';
import type { NightlyCampaign } from '../config/nightly.ts';
import type { CampaignConfig } from '../config/schema.ts';
import { parseDuration } from '../config/values.ts';
import { ResumeMismatchError, UserError } from '../core/errors.ts';
import { distill } from '../corpus-minimizer/distill.ts';
import { DISTILLED_FILE } from '../corpus-minimizer/distilled-record.ts';
import { DEFAULT_EPOCH_TASKS } from '../distributed/coordinator/coordinator.ts';
import type { SavedFuzzerState } from '../fuzzer/state.ts';
import { CAMPAIGN_FILE } from '../storage/campaign-store.ts';
import { readCheckpoint } from '../storage/checkpoint.ts';
import { type Generation, initialCorpora, newestGeneration } from './generations.ts';

/** What a campaign's turn came to. */
export interface TurnResult {
  readonly folder: string;
  readonly summary: CampaignSummary;
  /** Mutants that ran in it. */
  readonly execs: number;
}

/** Who watches a campaign, what ends it, and what carries it out: worker processes here unless told. */
export interface TurnContext {
  readonly monitor: Monitor;
  readonly signal: AbortSignal;
  readonly executorFactory: ExecutorFactory | undefined;
}

function runInContext(
  config: CampaignConfig,
  { monitor, signal, executorFactory }: TurnContext,
  resume: boolean,
): Promise<CampaignSummary> {
  return runCampaign(config, monitor, signal, resume, executorFactory);
}

/**
 * Goes on with a campaign where the last night left it. What has grown past the bound is distilled first, and what cannot be
 * resumed, since the model or the settings are others, begins anew with its old corpus and findings.
 *
 * @param time milliseconds
 * @param distillPast testcases past which a corpus is distilled
 * @throws UserError, MachineError, Interrupted as `runCampaign` does
 */
export async function runTurn(
  out: string,
  { name, config }: NightlyCampaign,
  time: number,
  distillPast: number,
  running: TurnContext,
): Promise<TurnResult> {
  const { monitor } = running;
  const newest = await newestGeneration(out, name);
  const own = config.time === undefined ? time : Math.min(time, parseDuration(config.time));
  const timed = {
    ...config,
    time: `${Math.max(1, Math.round(own))}ms`,
    ...(running.executorFactory === undefined ? {} : { epoch: config.epoch ?? DEFAULT_EPOCH_TASKS }),
  };
  if (!newest.hasBegun) return beginCampaign(newest.folder, timed, [], running);
  const distilled = await distillIfLarge(newest, distillPast, monitor);
  if (distilled !== undefined) return beginCampaign(newest.next, timed, [distilled], running);
  const { folder } = newest;
  const { execs: before } = await readProgress(folder);
  try {
    // A campaign counts its mutants over all nights.
    const goingOn = config.execs === undefined ? timed : { ...timed, execs: before + config.execs };
    const summary = await runInContext(await originalSettings(folder, goingOn), running, true);
    return { folder, summary, execs: Math.max(0, summary.statistics.execs - before) };
  } catch (error) {
    if (!(error instanceof ResumeMismatchError)) throw error;
    monitor.warn(`${name} begins anew with its old corpus and findings: ${error.difference}`);
    return beginCampaign(newest.next, timed, [folder], running);
  }
}

async function beginCampaign(
  folder: string,
  config: CampaignConfig,
  from: readonly string[],
  running: TurnContext,
): Promise<TurnResult> {
  const corpus = [...[config.corpus ?? []].flat(), ...from];
  const begun = { ...config, ...(corpus.length === 0 ? {} : { corpus }), out: folder };
  const summary = await runInContext(begun, running, false);
  return { folder, summary, execs: summary.statistics.execs };
}

/** A campaign's settings with what was drawn for it, and what it began with, when it began. */
async function originalSettings(folder: string, config: CampaignConfig): Promise<CampaignConfig> {
  const { seed } = await readCampaignFile(join(folder, CAMPAIGN_FILE));
  const corpus = await initialCorpora(folder);
  return {
    ...config,
    out: folder,
    ...(config.seed === undefined ? { seed: String(seed) } : {}),
    ...(corpus.length === 0 ? {} : { corpus }),
  };
}

/** The distilled corpus that a campaign goes on from, where it has grown past the bound or was distilled before. */
async function distillIfLarge(
  { folder, distilled }: Generation,
  past: number,
  observer: Monitor,
): Promise<string | undefined> {
  const isThere = await access(join(distilled, DISTILLED_FILE)).then(
    () => true,
    () => false,
  );
  if (isThere) return distilled;
  if ((await readProgress(folder)).corpus <= past) return undefined;
  try {
    const { testcases, kept } = await distill([folder], { out: distilled, max: Math.ceil(past / 2) });
    observer.info(`the corpus has grown past ${past} testcases: ${kept} of ${testcases} cover the same`);
    return distilled;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    observer.warn(`the corpus cannot be distilled: ${error.message}`);
    return undefined;
  }
}

/** Where a campaign goes on: its mutants, and testcases of its corpus. */
async function readProgress(folder: string): Promise<{ readonly execs: number; readonly corpus: number }> {
  const { checkpoint } = await readCheckpoint<SavedFuzzerState>(folder);
  return { execs: checkpoint?.state.execs ?? 0, corpus: checkpoint?.entries ?? 0 };
}
