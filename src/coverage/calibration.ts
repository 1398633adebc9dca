import type { WalkStep } from './criterion.ts';
import { squaredDistance } from './observation.ts';

/** Share of single steps that would count as new if nothing but their parent were known. */
const NEW_STEP_SHARE = 0.01;

/** The threshold that one step in a hundred exceeds. */
export function calibrateByQuantile(walk: readonly WalkStep[]): number | undefined {
  return stepQuantile(walk, 1 - NEW_STEP_SHARE);
}

/**
 * A quantile of the squared L2 lengths of those steps that moved; undefined where none did.
 *
 * @param share of the steps that are shorter, from 0 to 1
 */
export function stepQuantile(walk: readonly WalkStep[], share: number): number | undefined {
  const lengths = walk
    .map(({ vector, from }) => squaredDistance(vector, 0, from))
    .filter((length) => length > 0)
    .sort((a, b) => a - b);
  return lengths[Math.min(lengths.length - 1, Math.floor(lengths.length * share))];
}
