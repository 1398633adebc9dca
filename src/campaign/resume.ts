import { existsSync } from 'node:fs';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { type RawSettings, readCampaignFile } from '../config/load.ts';
import { fileError, UserError } from '../core/errors.ts';
import type { NewCorpusEntry } from '../fuzzer/corpus/corpus-entry.ts';
import { isFuzzable } from '../fuzzer/seed-runner.ts';
import type { InputSpec } from '../model/model.ts';
import { CAMPAIGN_FILE } from '../storage/campaign-store.ts';
import { type Checkpoint, readCheckpoint } from '../storage/checkpoint.ts';
import { STATE_FOLDER, type StoredEntry, writeVectors } from '../storage/journal.ts';
import { readCorpus } from '../storage/read-corpus.ts';
import type { ProbeWorker } from '../workers/probe-worker.ts';
import type { CampaignParts } from './campaign-parts.ts';
import type { SavedCampaignState } from './checkpoint-source.ts';
import type { ResolvedThreshold } from './enter-seeds.ts';
import type { ResolvedSettings } from './manifest.ts';
import type { Notices } from './resolve/model-settings.ts';

/**
 * The settings that a campaign's folder records, as a campaign file gives them.
 *
 * @throws UserError where it holds no campaign
 */
export async function recordedSettings(folder: string): Promise<RawSettings> {
  const file = join(folder, CAMPAIGN_FILE);
  if (!existsSync(file)) {
    throw new UserError(`--resume: ${folder} holds no campaign: leave --resume out to begin one there`);
  }
  return readCampaignFile(file);
}

/** A campaign as its folder records it: settings, starting threshold, last checkpoint, and damage found. */
export interface SavedCampaign {
  readonly settings: ResolvedSettings;
  /** Threshold at the campaign's start, before it was adapted. */
  readonly threshold: ResolvedThreshold;
  /** Last checkpoint; undefined if none was written, and then the campaign starts over. */
  readonly checkpoint: Checkpoint<SavedCampaignState> | undefined;
  readonly damage: readonly string[];
}

/**
 * Reads what a campaign is resumed from.
 *
 * @throws UserError where the folder holds no campaign
 */
export async function readSavedCampaign(folder: string): Promise<SavedCampaign> {
  const file = join(folder, CAMPAIGN_FILE);
  let settings: ResolvedSettings;
  try {
    settings = parse(await readFile(file, 'utf8')) as ResolvedSettings;
  } catch (error) {
    throw fileError(error, 'read', file);
  }
  const value = settings?.resolved?.threshold;
  if (typeof value !== 'number') {
    throw new UserError(`${file} was not written by neurofuzz fuzz: start another campaign with --out`);
  }
  const { checkpoint, damage } = await readCheckpoint<SavedCampaignState>(folder);
  return { settings, threshold: { value, why: 'as the campaign began with' }, checkpoint, damage };
}

/**
 * Restores the saved corpus, state and faults. Damaged files are reported, set aside, and the campaign goes on without them.
 *
 * @param inputs the model's inputs without the batch dimension
 */
export async function restoreCampaign(
  { checkpoint, damage: checkpointDamage }: SavedCampaign,
  { state, store, faults }: Pick<CampaignParts, 'state' | 'store' | 'faults'>,
  inputs: readonly InputSpec[],
  probeWorker: ProbeWorker,
  notices: Notices,
): Promise<void> {
  const { folder } = store;
  const count = checkpoint?.entries ?? 0;
  const stored = await readCorpus(folder, inputs, count, checkpoint?.width ?? 0);
  const damage = [...checkpointDamage, ...stored.damage];
  for (const description of damage) {
    notices.warn(description);
    await store.appendEvent('damage', { what: description });
  }
  const entries = await recoverActivations(stored.entries, probeWorker);
  const isComplete = entries.length === count;
  if (damage.length > 0) {
    await writeVectors(
      folder,
      entries.map(({ activations }) => activations),
    );
  }
  if (!isComplete) {
    store.setWrittenEntries(entries.length);
    await deleteIndexSnapshots(folder);
  }
  state.loadStoredIndex(entries.length);
  for (const entry of entries) state.restoreEntry(entry);
  if (checkpoint === undefined) return;
  faults.restore(checkpoint.state.faults);
  state.setCountedSignatures(faults.countedSignatures);
  state.restore(checkpoint.state, isComplete);
}

/** Runs the model again on entries whose activations were lost. */
async function recoverActivations(
  entries: readonly StoredEntry[],
  probeWorker: ProbeWorker,
): Promise<NewCorpusEntry[]> {
  const complete = entries.flatMap(({ activations, ...entry }) =>
    activations === undefined ? [] : [{ ...entry, activations }],
  );
  if (complete.length === entries.length) return complete;
  const results = await probeWorker.runSeeds(entries.map(({ data }) => data));
  return entries.flatMap((entry, i) =>
    isFuzzable(results[i]) ? [{ ...entry, activations: results[i].activations }] : [],
  );
}

/** Deletes the index snapshots, which hold entries that are gone. */
async function deleteIndexSnapshots(folder: string): Promise<void> {
  for (const name of await readdir(join(folder, STATE_FOLDER))) {
    if (name.endsWith('.hnsw')) await rm(join(folder, STATE_FOLDER, name));
  }
}
