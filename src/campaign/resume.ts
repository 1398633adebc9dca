import { existsSync } from 'node:fs';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { type RawSettings, readCampaignFile } from '../config/load.ts';
import { fileError, UserError } from '../core/errors.ts';
import { isFuzzable } from '../fuzzer/seed-runner.ts';
import type { FuzzerState, SavedFuzzerState } from '../fuzzer/state.ts';
import type { InputSpec } from '../model/model.ts';
import { CAMPAIGN_FILE, type CampaignStore } from '../storage/campaign-store.ts';
import { type Checkpoint, readCheckpoint } from '../storage/checkpoint.ts';
import { STATE_FOLDER, type StoredEntry, writeVectors } from '../storage/journal.ts';
import { readCorpus } from '../storage/read-corpus.ts';
import type { ProbeWorker } from '../workers/probe-worker.ts';
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

/** What a campaign's folder says of it. */
export interface SavedCampaign {
  readonly settings: ResolvedSettings;
  /** As the campaign began with. */
  readonly threshold: ResolvedThreshold;
  /** Undefined where it was killed before the first one: it begins anew. */
  readonly checkpoint: Checkpoint<SavedFuzzerState> | undefined;
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
  const { checkpoint, damage } = await readCheckpoint<SavedFuzzerState>(folder);
  return { settings, threshold: { value, why: 'as the campaign began with' }, checkpoint, damage };
}

/** Puts the saved corpus and state back; damage is named, set aside and survived. */
export async function restoreCampaign(parts: {
  readonly saved: SavedCampaign;
  readonly state: FuzzerState;
  readonly store: CampaignStore;
  readonly scout: ProbeWorker;
  /** As testcases have them. */
  readonly inputs: readonly InputSpec[];
  readonly observer: Notices;
}): Promise<void> {
  const { saved, state, store, scout, inputs, observer } = parts;
  const { checkpoint } = saved;
  const { folder } = store;
  const count = checkpoint?.entries ?? 0;
  const stored = await readCorpus(folder, inputs, count, checkpoint?.width ?? 0);
  const damage = [...saved.damage, ...stored.damage];
  for (const what of damage) {
    observer.warn(what);
    await store.appendEvent('damage', { what });
  }
  const entries = await recoverActivations(stored.entries, scout);
  const whole = entries.length === count;
  if (damage.length > 0) {
    await writeVectors(
      folder,
      entries.map(({ activations }) => activations),
    );
  }
  if (!whole) {
    store.setWrittenEntries(entries.length);
    await deleteIndexes(folder);
  }
  state.loadStoredIndex(entries.length);
  for (const { entry, activations } of entries) state.restoreEntry(entry, activations);
  if (checkpoint !== undefined) state.restore(checkpoint.state, whole);
}

interface RestoredEntry {
  readonly entry: StoredEntry;
  readonly activations: Float32Array;
}

/** Runs the model on entries again whose activations were lost. */
async function recoverActivations(
  entries: readonly StoredEntry[],
  scout: ProbeWorker,
): Promise<RestoredEntry[]> {
  if (entries.every((entry) => entry.activations !== undefined)) {
    return entries.map((entry) => ({ entry, activations: entry.activations as Float32Array }));
  }
  const run = await scout.runSeeds(entries.map((entry) => entry.data));
  return entries.flatMap((entry, i) =>
    isFuzzable(run[i]) ? [{ entry, activations: run[i].activations }] : [],
  );
}

/** Sealed indexes hold entries that are gone. */
async function deleteIndexes(folder: string): Promise<void> {
  for (const name of await readdir(join(folder, STATE_FOLDER))) {
    if (name.endsWith('.hnsw')) await rm(join(folder, STATE_FOLDER, name));
  }
}
