import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileError, UserError } from '../core/errors.ts';
import { plural } from '../core/format-number.ts';
import { type FeedbackName, feedbackKind } from '../coverage/feedback/registry.ts';
import { needsReference } from '../coverage/registry.ts';
import type { CorpusEntryRecord } from '../fuzzer/corpus/corpus-entry.ts';
import type { SavedFuzzerState } from '../fuzzer/state.ts';
import { CAMPAIGN_FILE } from '../storage/campaign-store.ts';
import { readCheckpoint } from '../storage/checkpoint.ts';
import { listFindingFolders } from '../storage/finding.ts';
import { readJournal, readVectors, VECTORS_FILE } from '../storage/journal.ts';
import { checkInputs, readManifest } from '../storage/manifest-reader.ts';
import {
  DISTILLED_FILE,
  type DistilledRecord,
  readDistilledRecord,
  recordedFeedback,
  type SmallestMargin,
} from './distilled-record.ts';

/** An entry as the journal has it, with its observation. */
export interface CorpusLine {
  readonly record: CorpusEntryRecord;
  readonly vector: Float32Array;
  /** CRC-32 of its testcase's file; undefined in corpora of older versions. */
  readonly fileCrc32: string | undefined;
}

/** A corpus that is read and never written: a campaign's, or a distilled one. */
export interface ReadOnlyCorpus
  extends Pick<DistilledRecord, 'modelSha256' | 'coverage' | 'measure' | 'reference' | 'inputs' | 'width'> {
  readonly folder: string;
  readonly feedback: FeedbackName;
  /** The largest threshold that the campaign had; of a set, that which it began with. */
  readonly threshold: number;
  readonly entries: readonly CorpusLine[];
  /** By goal and subgoal, the testcase with the smallest margin. */
  readonly margins: ReadonlyMap<string, SmallestMargin>;
  /** Folders of findings within `findings/`. */
  readonly findings: readonly string[];
  /** Damaged parts that are left out, a line each. */
  readonly damage: readonly string[];
}

/**
 * Reads a corpus and changes nothing in its folder.
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
    `${folder} is not a campaign: name a folder with a ${CAMPAIGN_FILE}, or a distilled corpus`,
  );
}

async function readCampaignCorpus(folder: string): Promise<ReadOnlyCorpus> {
  const { modelSha256, coverage, measure, inputs, settings, resolved } = await readManifest(folder);
  const reference = referenceDigest(measure, resolved);
  const feedback = recordedFeedback(resolved.feedback, join(folder, CAMPAIGN_FILE));
  const { checkpoint, damage } = await readCheckpoint<SavedFuzzerState>(folder);
  if (checkpoint === undefined)
    throw new UserError(`${folder} has no corpus yet: the campaign ended before its first checkpoint`);
  const { width, state } = checkpoint;
  const { idAt, ...corpus } = await readEntries(folder, width, [...damage]);
  // That of a set rises by floods, after which new elements would be left out for good.
  const threshold = feedbackKind(feedback).isCalibrated
    ? Math.max(state.threshold.value, Number(resolved.threshold))
    : Number(resolved.threshold);
  // Goals are numbered within a campaign: those of other objectives or ranges are different ones.
  const owner = JSON.stringify([settings.objective, settings.range ?? null]);
  const margins = smallestMargins(state, idAt, owner);
  const described = { modelSha256, coverage, measure, ...(reference === undefined ? {} : { reference }) };
  return { folder, ...described, feedback, inputs, width, threshold, ...corpus, margins };
}

/** A digest of the inputs that a campaign's observations are relative to; undefined where its criterion compares with none. */
function referenceDigest(measure: string, resolved: Readonly<Record<string, unknown>>): string | undefined {
  const given =
    resolved.coverageReferenceSha256 ?? (needsReference(measure) ? resolved.seedsSha256 : undefined);
  return given === undefined ? undefined : String(given);
}

/** The smallest margins in the saved state of a campaign's directed search. */
function smallestMargins(
  { climbs }: SavedFuzzerState,
  idAt: ReadonlyMap<number, string>,
  owner: string,
): ReadonlyMap<string, SmallestMargin> {
  const margins = new Map<string, SmallestMargin>();
  climbs?.search.climbs.forEach(({ targets }, goal) => {
    targets.forEach(({ lanes }, subgoal) => {
      const begun = lanes.filter(({ entry }) => entry >= 0);
      if (begun.length === 0) return;
      const best = begun.reduce((a, b) => (b.margin < a.margin ? b : a));
      // Entries are counted over the whole journal, damaged lines included.
      const id = idAt.get(best.entry);
      if (id !== undefined) margins.set(`${owner} ${goal} ${subgoal}`, { id, margin: best.margin });
    });
  });
  return margins;
}

async function readDistilledCorpus(folder: string): Promise<ReadOnlyCorpus> {
  const path = join(folder, DISTILLED_FILE);
  const record = await readDistilledRecord(path);
  const { modelSha256, coverage, measure, reference, inputs, width, threshold, margins } = record;
  const { idAt: _idAt, ...corpus } = await readEntries(folder, width, []);
  return {
    folder,
    modelSha256,
    coverage,
    measure,
    ...(reference === undefined ? {} : { reference }),
    feedback: recordedFeedback(record.feedback, path),
    inputs: checkInputs(inputs, path),
    width,
    threshold,
    ...corpus,
    margins: new Map(Object.entries(margins)),
  };
}

async function readEntries(folder: string, width: number, damage: string[]) {
  const { lines } = await readJournal(folder, Number.POSITIVE_INFINITY, damage);
  const count = lines.reduce((largest, { index }) => Math.max(largest, index + 1), 0);
  const { checkpoint } = await readCheckpoint(folder);
  if (checkpoint !== undefined && count < checkpoint.entries)
    damage.push(
      `corpus/journal.jsonl is damaged: it lacks ${checkpoint.entries - count} of ${checkpoint.entries} lines`,
    );
  const vectors = await readVectors(folder, lines, count, width, []);
  const entries = lines.flatMap(({ record, checksums }, i): CorpusLine[] => {
    const vector = vectors[i];
    return vector === undefined ? [] : [{ record, vector, fileCrc32: checksums?.file }];
  });
  const leftOut = lines.length - entries.length;
  if (leftOut > 0 && entries.length === 0)
    throw new UserError(`${folder}: the corpus's activations are damaged: fuzz --resume repairs this`);
  if (leftOut > 0)
    damage.push(
      `${VECTORS_FILE} is damaged: ${plural(leftOut, 'testcase')} left out; fuzz --resume repairs this`,
    );
  return {
    entries,
    idAt: new Map(lines.map(({ record, index }) => [index, record.id])),
    findings: await listFindingFolders(folder),
    damage,
  };
}
