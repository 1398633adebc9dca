import { drawNormal, type Random } from '../../core/random.ts';

/** Decades between the least and the greatest strength: the least is below the rounding of single precision. */
const DECADES = 7;

/** Standard deviation of a strength around one that paid before, in doublings. */
const SPREAD = 2;

/** Share of the draws that leave aside what paid before. */
const FRESH_SHARE = 0.5;

/**
 * Draws a mutation strength: the standard deviation of steps as a share of the range, from 10⁻⁷ to 1. Half of the draws are
 * log-uniform; the others are near the strength that paid last, as in the self-adaptation of evolution strategies (Schwefel
 * 1981).
 *
 * @param learned the strength that paid last; undefined where none did
 */
export function drawStrength(random: Random, learned?: number): number {
  if (learned === undefined || random.uniform() < FRESH_SHARE) return 10 ** (-DECADES * random.uniform());
  return Math.min(1, Math.max(10 ** -DECADES, learned * 2 ** (SPREAD * drawNormal(random))));
}
