import { halvings } from './delta-debugging.ts';
import { type TestOracle, type TryBudget, testVariants, VARIANTS_PER_BATCH } from './test-oracle.ts';

/** Shares tried between two bounds in one round. */
const SHARE_STEPS = 8;

/** Changes whose shares fill one batch. */
const CHANGES_PER_BATCH = VARIANTS_PER_BATCH / SHARE_STEPS;

/** Rounds of narrowing the bounds. */
const SHARE_ROUNDS = 4;

/** A change and the share of it that a variant applies. */
interface ShareStep {
  readonly change: number;
  readonly share: number;
}

/**
 * Scales each of some changes down as far as possible, from 1 (the whole change) toward 0: first all changes by the same
 * share, then each on its own, in rounds that narrow the range between a failing and a passing share.
 *
 * @param count number of changes
 * @param variantOf makes the variant in which each change is scaled by its share
 * @returns the share of each change
 */
export async function minimizeShares<T>(
  count: number,
  variantOf: (shares: Float64Array) => T,
  oracle: TestOracle<T>,
  budget: TryBudget,
): Promise<Float64Array> {
  const shares = new Float64Array(count).fill(1);
  if (count === 0) return shares;
  await minimizeCommonShare(shares, variantOf, oracle, budget);
  const passing = new Float64Array(count);
  for (let round = 0; round < SHARE_ROUNDS && !budget.isSpent; round++) {
    for (let from = 0; from < count && !budget.isSpent; from += CHANGES_PER_BATCH) {
      const changes = Array.from({ length: Math.min(CHANGES_PER_BATCH, count - from) }, (_, i) => from + i);
      const steps = changes.map((change) =>
        Array.from({ length: SHARE_STEPS }, (_, i) => ({
          change,
          share: passing[change] + ((shares[change] - passing[change]) * i) / SHARE_STEPS,
        })),
      );
      const variants = steps.flat().map((step) => variantOf(withSteps(shares, [step])));
      const failing = await testVariants(variants, oracle, budget);
      const gains = steps.flatMap((stepsOfChange, i): ShareStep[] => {
        const first = failing.slice(i * SHARE_STEPS, (i + 1) * SHARE_STEPS).indexOf(true);
        const lastPassing = first < 0 ? SHARE_STEPS - 1 : Math.max(0, first - 1);
        passing[changes[i]] = stepsOfChange[lastPassing].share;
        return first < 0 ? [] : [stepsOfChange[first]];
      });
      await applyGainsTogether(gains, shares, variantOf, oracle, budget);
    }
  }
  return shares;
}

/** Scales all changes by the smallest common share that still fails. */
async function minimizeCommonShare<T>(
  shares: Float64Array,
  variantOf: (shares: Float64Array) => T,
  oracle: TestOracle<T>,
  budget: TryBudget,
): Promise<void> {
  let passing = 0;
  for (let round = 0; round < SHARE_ROUNDS && !budget.isSpent; round++) {
    const steps = Array.from(
      { length: SHARE_STEPS },
      (_, i) => passing + ((shares[0] - passing) * i) / SHARE_STEPS,
    );
    const variants = steps.map((share) => variantOf(new Float64Array(shares.length).fill(share)));
    const failing = await testVariants(variants, oracle, budget);
    const first = failing.indexOf(true);
    if (first >= 0) shares.fill(steps[first]);
    if (first < 0) passing = steps[steps.length - 1];
    else if (first > 0) passing = steps[first - 1];
  }
}

/** Applies as many of the gains at once as possible, always a prefix of the list. */
async function applyGainsTogether<T>(
  gains: readonly ShareStep[],
  shares: Float64Array,
  variantOf: (shares: Float64Array) => T,
  oracle: TestOracle<T>,
  budget: TryBudget,
): Promise<void> {
  if (gains.length === 0) return;
  const counts = [...new Set([...halvings(gains.length), 1])];
  const candidates = counts.map((count) => withSteps(shares, gains.slice(0, count)));
  const failing = await testVariants(candidates.map(variantOf), oracle, budget);
  const best = failing.indexOf(true);
  if (best >= 0) shares.set(candidates[best]);
}

function withSteps(shares: Float64Array, steps: readonly ShareStep[]): Float64Array {
  const changed = shares.slice();
  for (const { change, share } of steps) changed[change] = share;
  return changed;
}
