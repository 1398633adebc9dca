import { MAX_MARGINS } from '../../objectives/objective.ts';
import { MAX_MARGIN } from './search-goal.ts';

/** Subgoals of a site: each element of its operand, or of a large operand the closest one and some spread over it. */
const MAX_SITE_SUBGOALS = 16;

/**
 * Reduces the margins of all elements of an operand, in one row, to those of the site's subgoals.
 *
 * @param margins one for each element
 * @param out receives one margin for each subgoal: see `makeMarginBuffer`
 * @param isShapeVarying whether testcases differ in shape. Their elements do not correspond then, so the closest
 *   element is the only subgoal
 * @returns the number of subgoals
 */
export function subgoalMargins(margins: Float64Array, out: Float64Array, isShapeVarying = false): number {
  const { length } = margins;
  if (length <= MAX_SITE_SUBGOALS && !isShapeVarying) {
    for (let i = 0; i < length; i++) out[i] = Math.min(MAX_MARGIN, margins[i]);
    return length;
  }
  let least = MAX_MARGIN;
  for (let i = 0; i < length; i++) if (margins[i] < least) least = margins[i];
  out[0] = least;
  if (isShapeVarying) return 1;
  const spread = MAX_SITE_SUBGOALS - 1;
  for (let s = 0; s < spread; s++) {
    out[s + 1] = Math.min(MAX_MARGIN, margins[Math.floor(((s + 0.5) * length) / spread)]);
  }
  return MAX_SITE_SUBGOALS;
}

/**
 * The element that a subgoal stands for; undefined where there is no such subgoal.
 *
 * @param margins as `subgoalMargins` takes them
 */
export function elementOfSubgoal(
  margins: Float64Array,
  subgoal: number,
  isShapeVarying = false,
): number | undefined {
  const { length } = margins;
  if (length <= MAX_SITE_SUBGOALS && !isShapeVarying) return subgoal < length ? subgoal : undefined;
  if (subgoal > 0) return Math.floor(((subgoal - 0.5) * length) / (MAX_SITE_SUBGOALS - 1));
  let closest = 0;
  for (let i = 1; i < length; i++) if (margins[i] < margins[closest]) closest = i;
  return length === 0 ? undefined : closest;
}

/** A buffer that holds the margins of any goal's subgoals. */
export function makeMarginBuffer(): Float64Array {
  return new Float64Array(Math.max(MAX_SITE_SUBGOALS, MAX_MARGINS));
}
