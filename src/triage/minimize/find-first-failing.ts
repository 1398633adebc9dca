import { type TestOracle, type TryBudget, testVariants, VARIANTS_PER_BATCH } from './test-oracle.ts';

/**
 * Runs variants in the order given, smallest first, until one fails. This finds small variants that delta debugging misses
 * because no chain of failing variants leads to them, e.g. when tokens are sampled.
 */
export async function findFirstFailing<T>(
  variants: Iterable<T>,
  oracle: TestOracle<T>,
  budget: TryBudget,
): Promise<T | undefined> {
  let batch: T[] = [];
  const runBatch = async (): Promise<T | undefined> => {
    const failing = await testVariants(batch, oracle, budget);
    const first = failing.indexOf(true);
    const found = first < 0 ? undefined : batch[first];
    batch = [];
    return found;
  };
  for (const variant of variants) {
    if (budget.remaining <= batch.length) break;
    if (batch.push(variant) < VARIANTS_PER_BATCH) continue;
    const found = await runBatch();
    if (found !== undefined) return found;
  }
  return runBatch();
}

/** All subsets of `0 … count - 1` with fewer than `below` elements, as ascending indices, smallest subsets first. */
export function* subsets(count: number, below: number): Generator<number[]> {
  for (let size = 0; size < Math.min(below, count + 1); size++) {
    const subset = Array.from({ length: size }, (_, i) => i);
    for (;;) {
      yield [...subset];
      let i = size - 1;
      while (i >= 0 && subset[i] === count - size + i) i--;
      if (i < 0) break;
      subset[i]++;
      for (let k = i + 1; k < size; k++) subset[k] = subset[k - 1] + 1;
    }
  }
}
