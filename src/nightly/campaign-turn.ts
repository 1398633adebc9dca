import { join } from 'node:path';
import type { ExecutorFactory } from '../campaign/executor-factory.ts';
import type { CampaignSummary, Monitor } from '../campaign/monitor/monitor.ts';
import { type CampaignStart, runCampaign } from '../campaign/run-campaign.ts';
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
import { exists } from '../triage/findings.ts';
import { type Generation, initialCorpora, newestGeneration } from './generations.ts';

/** Result of a campaign's turn. */
export interface TurnResult {
  readonly folder: string;
  readonly summary: CampaignSummary;
  /** Mutants that ran in this turn. */
  readonly execs: number;
}

export interface TurnContext {
  readonly monitor: Monitor;
  readonly signal: AbortSignal;
  /** Makes a distributed executor; undefined for local worker processes. */
  readonly executorFactory: ExecutorFactory | undefined;
}

function runInContext(
  config: CampaignConfig,
  { monitor, signal, executorFactory }: TurnContext,
  start: CampaignStart,
): Promise<CampaignSummary> {
  return runCampaign(config, monitor, signal, start, executorFactory);
}

/**
 * Continues a campaign where the last night left it. A corpus that has grown beyond the limit is distilled first. A campaign that
 * cannot be resumed, because the model or the settings have changed, starts a new generation from its old corpus and findings.
 *
 * @param out the nightly folder
 * @param timeMs duration of the turn in milliseconds
 * @param maxCorpus number of testcases above which a corpus is distilled
 * @throws UserError, MachineError, InterruptedError as `runCampaign` does
 */
export async function runTurn(
  out: string,
  { name, config }: NightlyCampaign,
  timeMs: number,
  maxCorpus: number,
  context: TurnContext,
): Promise<TurnResult> {
  const { monitor } = context;
  const newest = await newestGeneration(out, name);
  const limitedMs = config.time === undefined ? timeMs : Math.min(timeMs, parseDuration(config.time));
  const turnConfig = {
    ...config,
    time: `${Math.max(1, Math.round(limitedMs))}ms`,
    ...(context.executorFactory === undefined ? {} : { epoch: config.epoch ?? DEFAULT_EPOCH_TASKS }),
  };
  if (!newest.hasBegun) return beginCampaign(newest.folder, turnConfig, [], context);
  const distilled = await distillIfLarge(newest, maxCorpus, monitor);
  if (distilled !== undefined) return beginCampaign(newest.next, turnConfig, [distilled], context);
  const { folder } = newest;
  const { execs: before } = await readProgress(folder);
  try {
    // `execs` limits a night, but a campaign counts its mutants over all nights.
    const resumed = config.execs === undefined ? turnConfig : { ...turnConfig, execs: before + config.execs };
    const summary = await runInContext(await originalSettings(folder, resumed), context, 'resume');
    return { folder, summary, execs: Math.max(0, summary.statistics.execs - before) };
  } catch (error) {
    if (!(error instanceof ResumeMismatchError)) throw error;
    monitor.warn(`${name} starts over with its old corpus and findings: ${error.difference}`);
    return beginCampaign(newest.next, turnConfig, [folder], context);
  }
}

/** Starts a new generation of a campaign from additional corpora. */
async function beginCampaign(
  folder: string,
  config: CampaignConfig,
  corpora: readonly string[],
  context: TurnContext,
): Promise<TurnResult> {
  const corpus = [...[config.corpus ?? []].flat(), ...corpora];
  const newConfig = { ...config, ...(corpus.length === 0 ? {} : { corpus }), out: folder };
  const summary = await runInContext(newConfig, context, 'new');
  return { folder, summary, execs: summary.statistics.execs };
}

/** Settings to resume a campaign: with the random seed and the corpora with which it was started. */
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

/** The distilled corpus to continue from, if the corpus exceeds the limit or was distilled before; else undefined. */
async function distillIfLarge(
  { folder, distilled }: Generation,
  maxCorpus: number,
  monitor: Monitor,
): Promise<string | undefined> {
  if (await exists(join(distilled, DISTILLED_FILE))) return distilled;
  if ((await readProgress(folder)).corpus <= maxCorpus) return undefined;
  try {
    const { testcases, kept } = await distill([folder], { out: distilled, max: Math.ceil(maxCorpus / 2) });
    monitor.info(`the corpus has grown past ${maxCorpus} testcases: ${kept} of ${testcases} cover the same`);
    return distilled;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    monitor.warn(`the corpus cannot be distilled: ${error.message}`);
    return undefined;
  }
}

/** Number of mutants and of corpus entries at the latest checkpoint. */
async function readProgress(folder: string): Promise<{ readonly execs: number; readonly corpus: number }> {
  const { checkpoint } = await readCheckpoint<SavedFuzzerState>(folder);
  return { execs: checkpoint?.state.execs ?? 0, corpus: checkpoint?.entries ?? 0 };
}
