import { existsSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type RawSettings, readCampaignFile } from '../config/load.ts';
import { MAX_YAML_BYTES, parseYaml } from '../config/parse-yaml.ts';
import type { CampaignConfig } from '../config/schema.ts';
import { parseDuration, parseSize } from '../config/values.ts';
import { UserError } from '../core/errors.ts';
import { readText } from '../core/read-bounded.ts';
import { quote } from '../core/shell-quote.ts';
import { isFuzzable } from '../fuzzer/seed-runner.ts';
import type { InputSpec } from '../model/model.ts';
import { CAMPAIGN_FILE, STATISTICS_FILE } from '../storage/campaign-store.ts';
import { type Checkpoint, readCheckpoint } from '../storage/checkpoint.ts';
import { STATE_FOLDER, type StoredEntry } from '../storage/journal.ts';
import { locateModels } from '../storage/locate-models.ts';
import { readManifest } from '../storage/manifest-reader.ts';
import { readCorpus, replaceCorpus } from '../storage/read-corpus.ts';
import { refuseSpecialFiles } from '../storage/special-files.ts';
import { verifyManifest } from '../storage/trust/manifest-signature.ts';
import type { ProbeWorker } from '../workers/probe-worker.ts';
import { RerunClient } from '../workers/rerun-client.ts';
import { memoryLimits } from '../workers/resource-limits.ts';
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
    throw new UserError(`--resume: ${folder} has no campaign: remove --resume to start one there`);
  }
  try {
    return await readCampaignFile(file);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UserError(
      `--resume: ${error.message}; restore it from a copy, or import the testcases into a new campaign: --corpus ${quote(folder)} --out <dir>`,
    );
  }
}

/**
 * Settings of a campaign that is resumed, with its models where they are now.
 *
 * @param named settings that the user gave in this command: a model among them is taken as it is
 * @throws UserError where a model is nowhere
 */
export async function withLocatedModels(
  folder: string,
  settings: CampaignConfig,
  named: RawSettings,
): Promise<CampaignConfig> {
  const { model, against, timeout, memory } = settings;
  const asked = memory === undefined ? undefined : parseSize(memory);
  const recorded = {
    ...settings,
    model: named.model === undefined ? model : undefined,
    against: named.against === undefined ? against : undefined,
  };
  const rerunClient = new RerunClient({ timeout: parseDuration(timeout), ...memoryLimits(asked, 1) });
  try {
    const advice = 'name it before the flags, or with --against';
    const manifest = await readManifest(folder);
    return { ...settings, ...(await locateModels(recorded, manifest, folder, advice, rerunClient)) };
  } finally {
    rerunClient.close();
  }
}

/** A campaign as its folder records it: settings, starting threshold, last checkpoint, and damage found. */
export interface SavedCampaign {
  readonly settings: ResolvedSettings;
  /** Threshold at the campaign's start, before it was adapted. */
  readonly threshold: ResolvedThreshold;
  /** Last checkpoint; undefined if none was written, and then the campaign starts over. */
  readonly checkpoint: Checkpoint<SavedCampaignState> | undefined;
  /** Whether there was a checkpoint, and none can be read. */
  readonly isLost: boolean;
  /** Paths of newer checkpoints that are damaged, relative to the folder, and a description of each. */
  readonly damaged: readonly string[];
  readonly damage: readonly string[];
}

const MANIFEST_CHANGED = `${CAMPAIGN_FILE} was changed since the campaign wrote it, or is damaged`;

const CHECKPOINT_MISSING = 'state/checkpoint.json is missing: the campaign starts over';

/**
 * Reads what a campaign is resumed from.
 *
 * @throws UserError where the folder holds no campaign
 */
export async function readSavedCampaign(folder: string): Promise<SavedCampaign> {
  const file = join(folder, CAMPAIGN_FILE);
  refuseSpecialFiles(folder);
  const text = readText(file, 'read', MAX_YAML_BYTES);
  const hasChanged = verifyManifest(text) === 'changed';
  const settings = parseYaml(text, file) as ResolvedSettings;
  const value = settings?.resolved?.threshold;
  if (typeof value !== 'number') {
    throw new UserError(`${file} was not written by neurofuzz fuzz: start another campaign with --out`);
  }
  const checkpoint = await readCheckpoint<SavedCampaignState>(folder);
  // The first checkpoint precedes the first statistics.
  const hadCheckpoint = checkpoint.damaged.length > 0 || existsSync(join(folder, STATISTICS_FILE));
  const isLost = checkpoint.checkpoint === undefined && hadCheckpoint;
  const damage = [
    ...(hasChanged ? [MANIFEST_CHANGED] : []),
    ...checkpoint.damage,
    ...(isLost && checkpoint.damaged.length === 0 ? [CHECKPOINT_MISSING] : []),
  ];
  return { settings, threshold: { value, why: 'as the campaign began with' }, ...checkpoint, isLost, damage };
}

/**
 * Restores the saved corpus, state and faults. Damaged files are reported, set aside, and the campaign goes on without them.
 *
 * @param inputs the model's inputs without the batch dimension
 */
export async function restoreCampaign(
  { checkpoint, isLost, damage: checkpointDamage }: SavedCampaign,
  { state, store, faults, setAside }: Pick<CampaignParts, 'state' | 'store' | 'faults' | 'setAside'>,
  inputs: readonly InputSpec[],
  probeWorker: ProbeWorker,
  notices: Notices,
): Promise<void> {
  const { folder } = store;
  const count = checkpoint?.entries ?? 0;
  // Without a checkpoint that was there, the corpus is set aside rather than cut.
  const stored = isLost
    ? { entries: [], damage: [] }
    : await readCorpus(folder, inputs, count, checkpoint?.width ?? 0);
  const damage = [...checkpointDamage, ...setAside, ...stored.damage];
  for (const description of damage) {
    notices.warn(description);
    await store.appendEvent('damage', { what: description });
  }
  const entries = await recoverActivations(stored.entries, probeWorker);
  const isComplete = entries.length === count;
  if (isLost || stored.damage.length > 0) await replaceCorpus(folder, entries);
  if (!isComplete) {
    store.setWrittenEntries(entries.length);
    await deleteIndexSnapshots(folder);
  }
  state.loadStoredIndex(entries.length);
  for (const { record, data, activations } of entries) state.restoreEntry({ ...record, data, activations });
  if (checkpoint === undefined) return;
  faults.restore(checkpoint.state.faults);
  state.setCountedSignatures(faults.countedSignatures);
  state.restore(checkpoint.state, isComplete);
}

/** An entry with its activations. */
type CompleteEntry = StoredEntry & { readonly activations: Float32Array };

/** Runs the model again on entries whose activations were lost. */
async function recoverActivations(
  entries: readonly StoredEntry[],
  probeWorker: ProbeWorker,
): Promise<readonly CompleteEntry[]> {
  const lacking = entries.filter(({ activations }) => activations === undefined);
  if (lacking.length === 0) return entries as readonly CompleteEntry[];
  const results = await probeWorker.runSeeds(lacking.map(({ data }) => data));
  const recovered = new Map(
    lacking.flatMap((entry, i) => {
      const result = results[i];
      return isFuzzable(result) ? [[entry, result.activations]] : [];
    }),
  );
  return entries.flatMap((entry) => {
    const activations = entry.activations ?? recovered.get(entry);
    return activations === undefined ? [] : [{ ...entry, activations }];
  });
}

/** Deletes the index snapshots, which hold entries that are gone. */
async function deleteIndexSnapshots(folder: string): Promise<void> {
  for (const name of await readdir(join(folder, STATE_FOLDER))) {
    if (/\.hnsw(?:\.crc32)?$/.test(name)) await rm(join(folder, STATE_FOLDER, name));
  }
}
