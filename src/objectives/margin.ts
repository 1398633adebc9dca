/** Margin of a row that is as close to a violation as can be measured without violating: above 0, which is a violation. */
export const MIN_MARGIN = 2 ** -20;

/** Margin of a row about which an objective knows nothing. */
export const UNKNOWN_MARGIN = Number.POSITIVE_INFINITY;

/**
 * Margin of a row that lies `distance` from a violation: doublings of `unit`. The logarithm makes progress near the
 * violation count as much as progress far from it.
 *
 * @param distance at least 0, in the unit of the values
 */
export function logMargin(distance: number, unit: number): number {
  return Math.max(MIN_MARGIN, Math.log2(1 + distance / unit));
}
