import type { Confirmation } from '../../storage/finding.ts';

/** Hits of one signature, and what came of running some of them again. */
export interface ConfirmationCounts {
  /** All hits that were counted. */
  readonly hits: number;
  /** Findings on disk that were reproduced every time, alone or in their batch. */
  readonly kept: number;
  /** Those of `kept` that need their batch. */
  readonly batchDependent: number;
  /** Findings on disk that were not reproduced every time. */
  readonly flaky: number;
  /** Hits that were run again and did not show alone, those that are not on disk included. */
  readonly misses: number;
  /** Number of hits from which on the next one is run again once there are enough misses. */
  readonly nextTry: number;
}

export const NO_CONFIRMATIONS: ConfirmationCounts = {
  hits: 0,
  kept: 0,
  batchDependent: 0,
  flaky: 0,
  misses: 0,
  nextTry: 0,
};

/**
 * Share by which the hits of a signature must grow before one is run again after a miss. So the reruns of a fault that never
 * shows alone grow with the logarithm of its hits.
 */
const RETRY_GROWTH = 1 / 8;

/** The same for failures whose every rerun takes the whole time or memory limit. */
const COSTLY_RETRY_GROWTH = 1;

/** Whether enough findings are kept, one that shows alone among them: hits are only counted from then on. */
export function isSaturated({ kept, batchDependent }: ConfirmationCounts, keep: number): boolean {
  return kept >= keep && kept > batchDependent;
}

/** Whether so many hits did not show alone that further ones are run again at growing distances only. */
export function isSparse({ misses }: ConfirmationCounts, keep: number): boolean {
  return misses >= keep;
}

/** Whether the next hit is not due to be run again yet. */
export function isResting(counts: ConfirmationCounts, keep: number): boolean {
  return isSparse(counts, keep) && counts.hits < counts.nextTry;
}

/** Whether a finding goes to disk. The first that shows alone always does, also beyond `keep`. */
export function isStored(
  status: Confirmation['status'],
  { kept, flaky }: ConfirmationCounts,
  keep: number,
): boolean {
  if (status === 'confirmed') return true;
  return (status === 'flaky' ? flaky : kept) < keep;
}

/**
 * The counts after a hit was run again.
 *
 * @param isOnDisk whether it is kept as a finding
 * @param isCostly whether a rerun takes the whole time or memory limit
 */
export function afterConfirmation(
  counts: ConfirmationCounts,
  status: Confirmation['status'],
  isOnDisk: boolean,
  isCostly: boolean,
): ConfirmationCounts {
  const { hits, kept, batchDependent, flaky, misses } = counts;
  const added = Number(isOnDisk);
  if (status === 'confirmed') return { ...counts, kept: kept + added };
  const growth = isCostly ? COSTLY_RETRY_GROWTH : RETRY_GROWTH;
  const tried = { hits, misses: misses + 1, nextTry: hits + Math.max(1, Math.floor(growth * hits)) };
  return status === 'flaky'
    ? { ...tried, kept, batchDependent, flaky: flaky + added }
    : { ...tried, kept: kept + added, batchDependent: batchDependent + added, flaky };
}
