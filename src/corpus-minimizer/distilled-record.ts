import { readFile } from 'node:fs/promises';
import { verifyChecksum } from '../core/checksum.ts';
import { errorMessage, fileError, UserError } from '../core/errors.ts';
import { DEFAULT_FEEDBACK, type FeedbackName, isFeedbackName } from '../coverage/feedback/registry.ts';
import { FORMAT_VERSION } from '../storage/finding.ts';
import type { CampaignManifest } from '../storage/manifest-reader.ts';

/** Name of the record in a distilled corpus's folder: written last, so that it marks a complete one. */
export const DISTILLED_FILE = 'distilled.json';

/** A testcase with the smallest known margin toward a goal. */
export interface SmallestMargin {
  readonly id: string;
  readonly margin: number;
}

/** `distilled.json`: what the corpus was made of, and how many testcases were left out. */
export interface DistilledRecord
  extends Pick<CampaignManifest, 'modelSha256' | 'coverage' | 'measure' | 'inputs'> {
  readonly formatVersion: number;
  /** SHA-256 of the request and the choice. */
  readonly digest: string;
  /** A digest of the inputs that observations are relative to; absent where they are relative to none. */
  readonly reference?: string;
  /** Absent where it is the default, `distance`. */
  readonly feedback?: FeedbackName;
  /**
   * Score, by the feedback, up to which testcases were left out: by `distance` the squared L2 distance within which each
   * has a kept one; by `set` the number of its elements that no kept one covers.
   */
  readonly threshold: number;
  /** Numbers in an observation. */
  readonly width: number;
  readonly sources: readonly { readonly path: string; readonly testcases: number }[];
  readonly testcases: number;
  readonly kept: number;
  /** Testcases kept for their coverage, for a margin, and as seeds that others are measured from. */
  readonly keptFor: { readonly coverage: number; readonly margins: number; readonly ancestors: number };
  readonly findings: number;
  /** By goal and subgoal, the testcase with the smallest margin. */
  readonly margins: Readonly<Record<string, SmallestMargin>>;
}

/** @throws UserError where it can't be read, or was not written by this version */
export async function readDistilledRecord(path: string): Promise<DistilledRecord> {
  let read: Partial<DistilledRecord> | null;
  try {
    const text = await readFile(path, 'utf8');
    if (verifyChecksum(text) === 'damaged')
      throw new UserError(
        `${path} is damaged: its checksum does not match; distill again into another folder`,
      );
    read = JSON.parse(text) as Partial<DistilledRecord> | null;
  } catch (error) {
    if (error instanceof SyntaxError) throw new UserError(`${path} is damaged: ${errorMessage(error)}`);
    throw error instanceof UserError ? error : fileError(error, 'read', path);
  }
  if (read?.formatVersion !== FORMAT_VERSION)
    throw new UserError(
      `${path} has format version ${read?.formatVersion}, this neurofuzz reads ${FORMAT_VERSION}`,
    );
  if (!Array.isArray(read.inputs) || typeof read.width !== 'number' || typeof read.threshold !== 'number')
    throw new UserError(`${path} is damaged: it lacks inputs, width or threshold`);
  const { crc32: _crc32, ...record } = read as Partial<DistilledRecord> & { readonly crc32?: string };
  return { margins: {}, ...record } as DistilledRecord;
}

/**
 * The feedback that a folder records.
 *
 * @throws UserError where this version does not know it
 */
export function recordedFeedback(recorded: unknown, path: string): FeedbackName {
  const name = recorded ?? DEFAULT_FEEDBACK;
  if (!isFeedbackName(name))
    throw new UserError(
      `${path} records the feedback ${JSON.stringify(name)}, which this neurofuzz does not know: it cannot be distilled`,
    );
  return name;
}
