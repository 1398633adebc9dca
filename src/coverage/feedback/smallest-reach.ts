import { UserError } from '../../core/errors.ts';
import type { MinimizedCover } from './feedback-kind.ts';

/** Steps through reaches, from small to large. */
export interface ReachSteps {
  /** A much larger reach; undefined where a larger one would leave out no more. */
  grow(reach: number): number | undefined;
  /** A reach between two; undefined where they are near enough. */
  between(low: number, high: number): number | undefined;
}

/** Growth of a reach while it is too small, and the ratio of two reaches at which they are near enough. */
const GROWTH = 16;
const PRECISION = 1.01;

/** Steps through reaches that are positive real numbers, by their ratio. */
export const REAL_STEPS: ReachSteps = {
  grow: (current) => (Number.isFinite(current * GROWTH) ? current * GROWTH : undefined),
  between: (low, high) => (high > low * PRECISION ? Math.sqrt(low * high) : undefined),
};

/** Bisections after which a reach is taken for the smallest. */
const MAX_BISECTIONS = 24;

/**
 * The smallest reach, to some steps of bisection, with which at most `max` observations are chosen.
 *
 * @param start the smallest reach that is tried
 * @param cover the observations that are chosen with a reach
 * @throws UserError where even the largest reach chooses more
 */
export function smallestReach(
  max: number,
  start: number,
  steps: ReachSteps,
  cover: (reach: number) => readonly number[],
): MinimizedCover {
  let reach = start;
  let chosen = cover(reach);
  if (chosen.length <= max) return { reach, chosen };
  let tooSmall = reach;
  while (chosen.length > max) {
    tooSmall = reach;
    const larger = steps.grow(reach);
    if (larger === undefined)
      throw new UserError(
        `--max ${max} is too few: ${chosen.length} testcases are needed for margins and ancestor seeds`,
      );
    reach = larger;
    chosen = cover(reach);
  }
  for (let step = 0; step < MAX_BISECTIONS; step++) {
    const middle = steps.between(tooSmall, reach);
    if (middle === undefined) break;
    const covered = cover(middle);
    if (covered.length > max) tooSmall = middle;
    else [reach, chosen] = [middle, covered];
  }
  return { reach, chosen };
}
