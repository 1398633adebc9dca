import { type TestOracle, type TryBudget, testVariants } from './test-oracle.ts';

/**
 * Minimizes a set of parts by delta debugging (Zeller and Hildebrandt, IEEE TSE 28, 2002), running whole batches of variants.
 * Chunks of the set are removed one at a time; those that are removable on their own are then removed together, as many as
 * possible. Chunks shrink until they are single parts of which none is removable.
 *
 * @param count number of parts
 * @param variantOf makes the variant that contains only some parts, given by ascending index
 * @returns the indices of the remaining parts, ascending
 */
export async function deltaDebug<T>(
  count: number,
  variantOf: (kept: readonly number[]) => T,
  oracle: TestOracle<T>,
  budget: TryBudget,
): Promise<number[]> {
  let kept = Array.from({ length: count }, (_, index) => index);
  if (count === 0 || (await testVariants([variantOf([])], oracle, budget))[0]) return [];
  let chunkCount = 2;
  while (kept.length > 1 && !budget.isSpent) {
    const chunks = splitIntoChunks(kept, Math.min(chunkCount, kept.length));
    const complements = chunks.map((chunk) => exclude(kept, chunk));
    const failing = await testVariants(complements.map(variantOf), oracle, budget);
    const removable = chunks.filter((_, i) => failing[i]);
    if (removable.length > 0) {
      kept = await removeTogether(kept, removable, variantOf, oracle, budget);
      // Chunks that were not removable together with the others may be removable now.
      if (chunks.length < kept.length) chunkCount = Math.max(2, Math.min(chunks.length, kept.length));
      continue;
    }
    if (chunks.length >= kept.length) break;
    chunkCount = 2 * chunks.length;
  }
  return kept;
}

/** Removes as many of the chunks as possible at once, always a prefix of the list and at least the first. */
async function removeTogether<T>(
  kept: readonly number[],
  removable: readonly (readonly number[])[],
  variantOf: (kept: readonly number[]) => T,
  oracle: TestOracle<T>,
  budget: TryBudget,
): Promise<number[]> {
  const counts = [...new Set(halvings(removable.length))];
  const remainders = counts.map((count) => exclude(kept, removable.slice(0, count).flat()));
  const failing = await testVariants(remainders.map(variantOf), oracle, budget);
  const best = failing.indexOf(true);
  return best < 0 ? exclude(kept, removable[0]) : remainders[best];
}

/** `count`, half of it, a quarter and so on, down to 2 or 3. */
export function halvings(count: number): number[] {
  const counts: number[] = [];
  for (let n = count; n > 1; n = Math.floor(n / 2)) counts.push(n);
  return counts;
}

function splitIntoChunks(kept: readonly number[], count: number): number[][] {
  return Array.from({ length: count }, (_, i) =>
    kept.slice(Math.floor((i * kept.length) / count), Math.floor(((i + 1) * kept.length) / count)),
  );
}

function exclude(kept: readonly number[], removed: readonly number[]): number[] {
  const excluded = new Set(removed);
  return kept.filter((index) => !excluded.has(index));
}
