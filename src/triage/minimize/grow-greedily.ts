import { type MarginOracle, measureMargins, type TestOracle, type TryBudget } from './test-oracle.ts';

/**
 * Adds parts one at a time, each time the one that reduces the margin most, until the variant fails: the greedy attack of
 * Papernot et al. (EuroS&P 2016), with measured margins in place of gradients.
 *
 * @param count number of parts
 * @param below the result must have fewer parts than this
 * @param variantOf makes the variant that contains only some parts, given by ascending index
 * @returns the indices of the parts, ascending; undefined if no part reduces the margin, or too many are needed
 */
export async function growGreedily<T>(
  count: number,
  below: number,
  variantOf: (kept: readonly number[]) => T,
  marginOracle: MarginOracle<T>,
  oracle: TestOracle<T>,
  budget: TryBudget,
): Promise<number[] | undefined> {
  let kept: number[] = [];
  let bestMargin = Number.POSITIVE_INFINITY;
  const remaining = new Set(Array.from({ length: count }, (_, index) => index));
  while (kept.length + 1 < below && remaining.size > 0 && budget.remaining >= remaining.size) {
    const candidates = [...remaining];
    const extended = candidates.map((index) => [...kept, index].sort((a, b) => a - b));
    const margins = await measureMargins(extended.map(variantOf), marginOracle, budget);
    const best = candidates.reduce((first, _, i) => (margins[i] < margins[first] ? i : first), 0);
    if (!(margins[best] < bestMargin)) return undefined;
    bestMargin = margins[best];
    kept = extended[best];
    remaining.delete(candidates[best]);
    if (bestMargin === 0 && (await oracle([variantOf(kept)]))[0]) return kept;
  }
  return undefined;
}
