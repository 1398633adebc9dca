import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errorMessage, fileError, UserError } from '../core/errors.ts';
import type { CorpusEntryRecord } from '../fuzzer/corpus/corpus-entry.ts';
import type { SavedFuzzerState } from '../fuzzer/state.ts';
import { CAMPAIGN_FILE } from '../storage/campaign-store.ts';
import { readCheckpoint } from '../storage/checkpoint.ts';
import { FORMAT_VERSION, listFindingFolders } from '../storage/finding.ts';
import { readJournal, readVectors } from '../storage/journal.ts';
import { type CampaignManifest, checkInputs, readManifest } from '../storage/manifest-reader.ts';

/** What a distilled corpus says of itself: there once all of it is written. */
export const DISTILLED_FILE = 'distilled.json';

/** `distilled.json`: what the corpus is of, and what was left out. */
export interface DistilledRecord
  extends Pick<CampaignManifest, 'modelSha256' | 'coverage' | 'measure' | 'inputs'> {
  readonly formatVersion: number;
  /** SHA-256 of what was asked for and chosen. */
  readonly digest: string;
  /** Squared L2 distance within which each testcase left out has a kept one. */
  readonly threshold: number;
  /** Numbers in an entry's activations. */
  readonly width: number;
  readonly sources: readonly { readonly path: string; readonly testcases: number }[];
  readonly testcases: number;
  readonly kept: number;
  /** Kept for what they cover, for a margin that they hold, and as seeds that others are measured from. */
  readonly keptFor: { readonly coverage: number; readonly margins: number; readonly ancestors: number };
  readonly findings: number;
  /** Testcases that hold a margin, by the point and target that it is of. */
  readonly margins: Readonly<Record<string, { readonly id: string; readonly margin: number }>>;
}

/** A corpus that is read and never written: a campaign's, or one that was distilled. */
export interface ReadOnlyCorpus
  extends Pick<DistilledRecord, 'modelSha256' | 'coverage' | 'measure' | 'inputs' | 'width'> {
  readonly folder: string;
  readonly threshold: number;
  readonly entries: readonly CorpusEntryRecord[];
  /** Of each line, `[lines, width]`. */
  readonly activations: Float32Array;
  /** Which testcase is nearest to going wrong, by the point and target that is meant. */
  readonly margins: ReadonlyMap<string, { readonly id: string; readonly margin: number }>;
  /** Folders of findings within `findings/`. */
  readonly findings: readonly string[];
  /** What is damaged and left out, a line each. */
  readonly damage: readonly string[];
}

/**
 * Reads a corpus without a change to its folder.
 *
 * @throws UserError where there is none, or it can't be read
 */
export async function readCorpusFolder(folder: string): Promise<ReadOnlyCorpus> {
  const names = await readdir(folder).catch((error: unknown) => {
    throw fileError(error, 'read the campaign', folder);
  });
  if (names.includes(DISTILLED_FILE)) return readDistilledCorpus(folder);
  if (names.includes(CAMPAIGN_FILE)) return readCampaignCorpus(folder);
  throw new UserError(
    `${folder} is no campaign: name a folder that holds a ${CAMPAIGN_FILE}, or a distilled corpus`,
  );
}

async function readCampaignCorpus(folder: string): Promise<ReadOnlyCorpus> {
  const { modelSha256, coverage, measure, inputs, settings, resolved } = await readManifest(folder);
  const { checkpoint, damage } = await readCheckpoint<SavedFuzzerState>(folder);
  if (checkpoint === undefined)
    throw new UserError(`${folder} has no corpus yet: it was ended before its first checkpoint`);
  const { width, state } = checkpoint;
  const corpus = await readEntries(folder, width, [...damage]);
  const threshold = Math.max(state.threshold.value, Number(resolved.threshold));
  const margins = new Map<string, { id: string; margin: number }>();
  // Points are counted by their places: those of other objectives are others.
  const owner = JSON.stringify([settings.objective, settings.range ?? null]);
  state.climbs?.search.climbs.forEach(({ targets }, point) => {
    targets.forEach(({ lanes }, target) => {
      const begun = lanes.filter(({ entry }) => entry >= 0);
      if (begun.length === 0) return;
      const best = begun.reduce((a, b) => (b.margin < a.margin ? b : a));
      // Lanes speak of places in the whole journal.
      const id = corpus.idAt.get(best.entry);
      if (id !== undefined) margins.set(`${owner} ${point} ${target}`, { id, margin: best.margin });
    });
  });
  return { folder, modelSha256, coverage, measure, inputs, width, threshold, ...corpus, margins };
}

async function readDistilledCorpus(folder: string): Promise<ReadOnlyCorpus> {
  const path = join(folder, DISTILLED_FILE);
  const { modelSha256, coverage, measure, inputs, width, threshold, margins } =
    await readDistilledRecord(path);
  const corpus = await readEntries(folder, width, []);
  return {
    folder,
    modelSha256,
    coverage,
    measure,
    inputs: checkInputs(inputs, path),
    width,
    threshold,
    ...corpus,
    margins: new Map(Object.entries(margins)),
  };
}

/** @throws UserError where it can't be read, or was not written by this version */
export async function readDistilledRecord(path: string): Promise<DistilledRecord> {
  let read: Partial<DistilledRecord> | null;
  try {
    read = JSON.parse(await readFile(path, 'utf8')) as Partial<DistilledRecord> | null;
  } catch (error) {
    if (error instanceof SyntaxError) throw new UserError(`${path} is damaged: ${errorMessage(error)}`);
    throw fileError(error, 'read', path);
  }
  if (read?.formatVersion !== FORMAT_VERSION)
    throw new UserError(
      `${path} is of format version ${read?.formatVersion}, this neurofuzz reads ${FORMAT_VERSION}`,
    );
  if (!Array.isArray(read.inputs) || typeof read.width !== 'number' || typeof read.threshold !== 'number')
    throw new UserError(`${path} is damaged: it lacks inputs, width or threshold`);
  return { margins: {}, ...read } as DistilledRecord;
}

async function readEntries(folder: string, width: number, damage: string[]) {
  const { lines: placed } = await readJournal(folder, Number.POSITIVE_INFINITY, damage);
  const count = placed.reduce((most, { index }) => Math.max(most, index + 1), 0);
  const all = await readVectors(folder, count, width, damage);
  if (all === undefined)
    throw new UserError(`${folder}: the corpus's activations are cut: fuzz --resume mends that`);
  const activations = new Float32Array(placed.length * width);
  placed.forEach(({ index }, i) => {
    activations.set(all.subarray(index * width, (index + 1) * width), i * width);
  });
  return {
    entries: placed.map(({ record }) => record),
    idAt: new Map(placed.map(({ record, index }) => [index, record.id])),
    activations,
    findings: await listFindingFolders(folder),
    damage,
  };
}
