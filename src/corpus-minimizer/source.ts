import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileError, reason, UserError } from '../core/errors.ts';
import type { SavedState } from '../fuzzer/state.ts';
import { CAMPAIGN_FILE } from '../storage/campaign-store.ts';
import { readCheckpoint } from '../storage/checkpoint.ts';
import { FORMAT_VERSION, findingFolders } from '../storage/finding.ts';
import { type JournalLine, readJournal, readVectors } from '../storage/journal.ts';
import { checkInputs, type Recorded, readRecorded } from '../storage/manifest-reader.ts';

/** What a distilled corpus says of itself: there once all of it is written. */
export const DISTILLED_FILE = 'distilled.json';

/** `distilled.json`: what the corpus is of, and what was left out. */
export interface Distilled extends Pick<Recorded, 'modelSha256' | 'coverage' | 'measure' | 'inputs'> {
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
export interface Source extends Pick<Distilled, 'modelSha256' | 'coverage' | 'measure' | 'inputs' | 'width'> {
  readonly folder: string;
  readonly threshold: number;
  readonly lines: readonly JournalLine[];
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
export async function readSource(folder: string): Promise<Source> {
  const names = await readdir(folder).catch((error: unknown) => {
    throw fileError(error, 'read the campaign', folder);
  });
  if (names.includes(DISTILLED_FILE)) return distilledSource(folder);
  if (names.includes(CAMPAIGN_FILE)) return campaignSource(folder);
  throw new UserError(
    `${folder} is no campaign: name a folder that holds a ${CAMPAIGN_FILE}, or a distilled corpus`,
  );
}

async function campaignSource(folder: string): Promise<Source> {
  const { modelSha256, coverage, measure, inputs, settings, resolved } = await readRecorded(folder);
  const { checkpoint, damage } = await readCheckpoint<SavedState>(folder);
  if (checkpoint === undefined)
    throw new UserError(`${folder} has no corpus yet: it was ended before its first checkpoint`);
  const { width, state } = checkpoint;
  const corpus = await readLines(folder, width, [...damage]);
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

async function distilledSource(folder: string): Promise<Source> {
  const path = join(folder, DISTILLED_FILE);
  const { modelSha256, coverage, measure, inputs, width, threshold, margins } = await readDistilled(path);
  const corpus = await readLines(folder, width, []);
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
export async function readDistilled(path: string): Promise<Distilled> {
  let read: Partial<Distilled> | null;
  try {
    read = JSON.parse(await readFile(path, 'utf8')) as Partial<Distilled> | null;
  } catch (error) {
    if (error instanceof SyntaxError) throw new UserError(`${path} is damaged: ${reason(error)}`);
    throw fileError(error, 'read', path);
  }
  if (read?.formatVersion !== FORMAT_VERSION)
    throw new UserError(
      `${path} is of format version ${read?.formatVersion}, this neurofuzz reads ${FORMAT_VERSION}`,
    );
  if (!Array.isArray(read.inputs) || typeof read.width !== 'number' || typeof read.threshold !== 'number')
    throw new UserError(`${path} is damaged: it lacks inputs, width or threshold`);
  return { margins: {}, ...read } as Distilled;
}

async function readLines(folder: string, width: number, damage: string[]) {
  const { lines: placed } = await readJournal(folder, Number.POSITIVE_INFINITY, damage);
  const count = placed.reduce((most, { place }) => Math.max(most, place + 1), 0);
  const all = await readVectors(folder, count, width, damage);
  if (all === undefined)
    throw new UserError(`${folder}: the corpus's activations are cut: fuzz --resume mends that`);
  const activations = new Float32Array(placed.length * width);
  placed.forEach(({ place }, i) => {
    activations.set(all.subarray(place * width, (place + 1) * width), i * width);
  });
  return {
    lines: placed.map(({ line }) => line),
    idAt: new Map(placed.map(({ line, place }) => [place, line.id])),
    activations,
    findings: await findingFolders(folder),
    damage,
  };
}
