import { access } from 'node:fs/promises';
import { join } from 'node:path';
import type { Observer, Summary } from '../campaign/monitor/monitor.ts';
import { type Elsewhere, runCampaign } from '../campaign/run-campaign.ts';
import { readCampaignFile } from '../config/load.ts';
import type { NightlyCampaign } from '../config/nightly.ts';
import type { CampaignConfig } from '../config/schema.ts';
import { milliseconds } from '../config/values.ts';
import { ChangedError, UserError } from '../core/errors.ts';
import { distill } from '../corpus-minimizer/distill.ts';
import { DISTILLED_FILE } from '../corpus-minimizer/source.ts';
import { EPOCH } from '../distributed/coordinator/coordinator.ts';
import type { SavedState } from '../fuzzer/state.ts';
import { CAMPAIGN_FILE } from '../storage/campaign-store.ts';
import { readCheckpoint } from '../storage/checkpoint.ts';
import { corpusOf, type Generation, newestGeneration } from './generations.ts';

/** What a campaign's turn came to. */
export interface Turn {
  readonly folder: string;
  readonly summary: Summary;
  /** Mutants that ran in it. */
  readonly ran: number;
}

/** Who watches a campaign, what ends it, and what carries it out: worker processes here unless told. */
export interface Running {
  readonly observer: Observer;
  readonly signal: AbortSignal;
  readonly elsewhere: Elsewhere | undefined;
}

function run(
  config: CampaignConfig,
  { observer, signal, elsewhere }: Running,
  resume: boolean,
): Promise<Summary> {
  return runCampaign(config, observer, signal, resume, elsewhere);
}

/**
 * Goes on with a campaign where the last night left it. What has grown past the bound is distilled first, and what cannot be
 * resumed, since the model or the settings are others, begins anew with its old corpus and findings.
 *
 * @param time milliseconds
 * @param distillPast testcases past which a corpus is distilled
 * @throws UserError, MachineError, Interrupted as `runCampaign` does
 */
export async function takeTurn(
  out: string,
  { name, config }: NightlyCampaign,
  time: number,
  distillPast: number,
  running: Running,
): Promise<Turn> {
  const { observer } = running;
  const newest = await newestGeneration(out, name);
  const own = config.time === undefined ? time : Math.min(time, milliseconds(config.time));
  const timed = {
    ...config,
    time: `${Math.max(1, Math.round(own))}ms`,
    ...(running.elsewhere === undefined ? {} : { epoch: config.epoch ?? EPOCH }),
  };
  if (!newest.hasBegun) return begin(newest.folder, timed, [], running);
  const distilled = await distilledFrom(newest, distillPast, observer);
  if (distilled !== undefined) return begin(newest.next, timed, [distilled], running);
  const { folder } = newest;
  const { execs: before } = await standing(folder);
  try {
    // A campaign counts its mutants over all nights.
    const goingOn = config.execs === undefined ? timed : { ...timed, execs: before + config.execs };
    const summary = await run(await asBegun(folder, goingOn), running, true);
    return { folder, summary, ran: Math.max(0, summary.figures.execs - before) };
  } catch (error) {
    if (!(error instanceof ChangedError)) throw error;
    observer.warn(`${name} begins anew with its old corpus and findings: ${error.what}`);
    return begin(newest.next, timed, [folder], running);
  }
}

async function begin(
  folder: string,
  config: CampaignConfig,
  from: readonly string[],
  running: Running,
): Promise<Turn> {
  const corpus = [...[config.corpus ?? []].flat(), ...from];
  const begun = { ...config, ...(corpus.length === 0 ? {} : { corpus }), out: folder };
  const summary = await run(begun, running, false);
  return { folder, summary, ran: summary.figures.execs };
}

/** A campaign's settings with what was drawn for it, and what it began with, when it began. */
async function asBegun(folder: string, config: CampaignConfig): Promise<CampaignConfig> {
  const { seed } = await readCampaignFile(join(folder, CAMPAIGN_FILE));
  const corpus = await corpusOf(folder);
  return {
    ...config,
    out: folder,
    ...(config.seed === undefined ? { seed: String(seed) } : {}),
    ...(corpus.length === 0 ? {} : { corpus }),
  };
}

/** The distilled corpus that a campaign goes on from, where it has grown past the bound or was distilled before. */
async function distilledFrom(
  { folder, distilled }: Generation,
  past: number,
  observer: Observer,
): Promise<string | undefined> {
  const isThere = await access(join(distilled, DISTILLED_FILE)).then(
    () => true,
    () => false,
  );
  if (isThere) return distilled;
  if ((await standing(folder)).corpus <= past) return undefined;
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
async function standing(folder: string): Promise<{ readonly execs: number; readonly corpus: number }> {
  const { checkpoint } = await readCheckpoint<SavedState>(folder);
  return { execs: checkpoint?.state.execs ?? 0, corpus: checkpoint?.entries ?? 0 };
}
