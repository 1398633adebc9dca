import type { FeedbackKind } from '../../../coverage/feedback/feedback-kind.ts';

/** Bytes that the entries of a corpus take in the main process by default, beside caches. */
const CORPUS_BYTES = 192 << 20;

/** Bytes of an entry without its observation: ids, relatives, its place among the others, what the scheduler counts. */
const ENTRY_BYTES = 96;

/** The default is a multiple of this, and lies between these: a resumed campaign reads the file of every testcase. */
const STEP = 1000;
const MAX_DEFAULT = 500_000;

/**
 * Testcases that the corpus may have where the user sets no limit.
 *
 * @param recorded the limit that the campaign began with, if it is resumed; older versions recorded none
 */
export function resolveMaxCorpus(
  recorded: unknown,
  kind: Pick<FeedbackKind, 'bytesPerObservation'>,
  width: number | undefined,
): number {
  return typeof recorded === 'number' ? recorded : defaultMaxCorpus(kind, width);
}

/**
 * Testcases that a corpus may have by default, so that it takes the same memory whatever an observation takes in its history. It
 * follows from the width alone and never from the machine, since a campaign would not be the same on another.
 *
 * @param width numbers in an observation; undefined where the campaign keeps nothing for being new
 */
export function defaultMaxCorpus(
  kind: Pick<FeedbackKind, 'bytesPerObservation'>,
  width: number | undefined,
): number {
  const bytes = ENTRY_BYTES + (width === undefined ? 0 : kind.bytesPerObservation(width));
  return Math.min(MAX_DEFAULT, Math.max(STEP, STEP * Math.floor(CORPUS_BYTES / bytes / STEP)));
}
