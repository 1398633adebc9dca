/** Says of variants of a testcase, in their order, which still break in the same way. */
export type TestOracle<T> = (variants: readonly T[]) => Promise<readonly boolean[]>;

/** How much may be tried, counted down. */
export class TryBudget {
  remaining: number;

  constructor(tries: number) {
    this.remaining = tries;
  }

  get isSpent(): boolean {
    return this.remaining <= 0;
  }
}

/** Variants that are tried at once. */
export const VARIANTS_PER_BATCH = 64;

/** Tries variants in batches as far as the budget goes; what is not tried does not hold. */
async function testVariants<T>(
  variants: readonly T[],
  tries: TestOracle<T>,
  budget: TryBudget,
): Promise<boolean[]> {
  const held: boolean[] = [];
  for (let from = 0; from < variants.length && !budget.isSpent; from += VARIANTS_PER_BATCH) {
    const some = variants.slice(from, from + Math.min(VARIANTS_PER_BATCH, budget.remaining));
    budget.remaining -= some.length;
    held.push(...(await tries(some)));
  }
  return [...held, ...new Array<boolean>(variants.length - held.length).fill(false)];
}

/**
 * The first of some variants, which get larger and larger, that still breaks: where chance decides, as where tokens are
 * drawn, small ones may do that are on no way of leaving out.
 */
export async function findFirstFailing<T>(
  variants: Iterable<T>,
  tries: TestOracle<T>,
  budget: TryBudget,
): Promise<T | undefined> {
  let some: T[] = [];
  const look = async (): Promise<T | undefined> => {
    const held = await testVariants(some, tries, budget);
    const at = held.indexOf(true);
    const found = at < 0 ? undefined : some[at];
    some = [];
    return found;
  };
  for (const variant of variants) {
    if (budget.remaining <= some.length) break;
    if (some.push(variant) < VARIANTS_PER_BATCH) continue;
    const found = await look();
    if (found !== undefined) return found;
  }
  return look();
}

/** Sets of fewer than `below` of `count` parts, from the smallest on. */
export function* subsets(count: number, below: number): Generator<number[]> {
  for (let size = 0; size < Math.min(below, count + 1); size++) {
    const kept = Array.from({ length: size }, (_, i) => i);
    for (;;) {
      yield [...kept];
      let i = size - 1;
      while (i >= 0 && kept[i] === count - size + i) i--;
      if (i < 0) break;
      kept[i]++;
      for (let k = i + 1; k < size; k++) kept[k] = kept[k - 1] + 1;
    }
  }
}

/**
 * Parts of a set that can be left out: delta debugging (Zeller and Hildebrandt, IEEE TSE 28, 2002) with whole batches of
 * tries. Pieces of the set are left out one by one; those that can be are left out together, as many of them as go
 * together, and pieces become smaller until they are single ones of which none can be left out.
 *
 * @param count parts
 * @param variantOf makes what is left when only some parts stay, by their places in order
 * @returns the places of the parts that stay
 */
export async function deltaDebug<T>(
  count: number,
  variantOf: (kept: readonly number[]) => T,
  tries: TestOracle<T>,
  budget: TryBudget,
): Promise<number[]> {
  let kept = Array.from({ length: count }, (_, place) => place);
  if (count === 0 || (await testVariants([variantOf([])], tries, budget))[0]) return [];
  let pieces = 2;
  while (kept.length > 1 && !budget.isSpent) {
    const parts = splitIntoPieces(kept, Math.min(pieces, kept.length));
    const without = parts.map((part) => exclude(kept, part));
    const held = await testVariants(without.map(variantOf), tries, budget);
    const spare = parts.filter((_, i) => held[i]);
    if (spare.length > 0) {
      kept = await removeTogether(kept, spare, variantOf, tries, budget);
      // What could not go with the others may go now.
      if (parts.length < kept.length) pieces = Math.max(2, Math.min(parts.length, kept.length));
      continue;
    }
    if (parts.length >= kept.length) break;
    pieces = 2 * parts.length;
  }
  return kept;
}

/** Leaves out as many of the pieces together as go together, in their order; one at least does. */
async function removeTogether<T>(
  kept: readonly number[],
  spare: readonly (readonly number[])[],
  variantOf: (kept: readonly number[]) => T,
  tries: TestOracle<T>,
  budget: TryBudget,
): Promise<number[]> {
  const counts = [...new Set(halvings(spare.length))];
  const lefts = counts.map((count) => exclude(kept, spare.slice(0, count).flat()));
  const held = await testVariants(lefts.map(variantOf), tries, budget);
  const best = held.indexOf(true);
  return best < 0 ? exclude(kept, spare[0]) : lefts[best];
}

/** All, half, a quarter and so on, down to two. */
function halvings(count: number): number[] {
  const counts: number[] = [];
  for (let n = count; n > 1; n = Math.floor(n / 2)) counts.push(n);
  return counts;
}

function splitIntoPieces(kept: readonly number[], count: number): number[][] {
  return Array.from({ length: count }, (_, i) =>
    kept.slice(Math.floor((i * kept.length) / count), Math.floor(((i + 1) * kept.length) / count)),
  );
}

function exclude(kept: readonly number[], gone: readonly number[]): number[] {
  const out = new Set(gone);
  return kept.filter((place) => !out.has(place));
}

/** Says of variants how far they are from breaking in the same way; infinite where nothing tells. */
export type MarginOracle<T> = (variants: readonly T[]) => Promise<ArrayLike<number>>;

/** Variants whose nearness is told at once. */
const MARGINS_PER_BATCH = 256;

/** How near variants are, in batches. */
export async function measureMargins<T>(
  variants: readonly T[],
  nearness: MarginOracle<T>,
  budget: TryBudget,
): Promise<Float64Array> {
  const margins = new Float64Array(variants.length);
  for (let from = 0; from < variants.length; from += MARGINS_PER_BATCH) {
    const some = variants.slice(from, from + MARGINS_PER_BATCH);
    budget.remaining -= some.length;
    margins.set(Float64Array.from(await nearness(some)), from);
  }
  return margins;
}

/**
 * Parts of a set that are enough, put in one after the other: each time the one that brings it nearest (the greedy attack
 * of Papernot et al., EuroS&P 2016, without gradients).
 *
 * @param fewer how many are too many already
 * @returns the places of the parts, or undefined where nothing tells how near it is, or it takes too many
 */
export async function growGreedily<T>(
  count: number,
  fewer: number,
  variantOf: (kept: readonly number[]) => T,
  nearness: MarginOracle<T>,
  tries: TestOracle<T>,
  budget: TryBudget,
): Promise<number[] | undefined> {
  const kept: number[] = [];
  const left = new Set(Array.from({ length: count }, (_, place) => place));
  let best = Number.POSITIVE_INFINITY;
  while (kept.length + 1 < fewer && left.size > 0 && budget.remaining >= left.size) {
    const places = [...left];
    const margins = await measureMargins(
      places.map((place) => variantOf([...kept, place].sort((a, b) => a - b))),
      nearness,
      budget,
    );
    const next = places.reduce((first, _, i) => (margins[i] < margins[first] ? i : first), 0);
    if (!(margins[next] < best)) return undefined;
    best = margins[next];
    kept.push(places[next]);
    left.delete(places[next]);
    const own = [...kept].sort((a, b) => a - b);
    if (best === 0 && (await tries([variantOf(own)]))[0]) return own;
  }
  return undefined;
}

/** How finely a share is told apart, and rounds of that for all of them. */
const SHARE_STEPS = 8;
const SHARE_ROUNDS = 4;

/**
 * The smallest share of each of some changes that still does: from 1, whole, toward 0. All together first, then one by
 * one, in rounds that halve what may still be gained.
 *
 * @param variantOf makes what is left when each change is taken by its share
 * @returns the shares
 */
export async function minimizeShares<T>(
  count: number,
  variantOf: (shares: Float64Array) => T,
  tries: TestOracle<T>,
  budget: TryBudget,
): Promise<Float64Array> {
  const shares = new Float64Array(count).fill(1);
  if (count === 0) return shares;
  let low = 0;
  for (let round = 0; round < SHARE_ROUNDS; round++) {
    // All by the same share: in each round between what does not do and what does.
    const steps = Array.from(
      { length: VARIANTS_PER_BATCH / SHARE_STEPS },
      (_, i) => low + ((shares[0] - low) * i) / (VARIANTS_PER_BATCH / SHARE_STEPS),
    );
    const held = await testVariants(
      steps.map((share) => variantOf(new Float64Array(count).fill(share))),
      tries,
      budget,
    );
    const at = held.indexOf(true);
    if (at >= 0) shares.fill(steps[at]);
    low = at < 0 ? steps[steps.length - 1] : at === 0 ? low : steps[at - 1];
    if (budget.isSpent) return shares;
  }
  const floors = new Float64Array(count);
  for (let round = 0; round < SHARE_ROUNDS && !budget.isSpent; round++) {
    for (let from = 0; from < count && !budget.isSpent; from += VARIANTS_PER_BATCH / SHARE_STEPS) {
      const places = Array.from(
        { length: Math.min(VARIANTS_PER_BATCH / SHARE_STEPS, count - from) },
        (_, i) => from + i,
      );
      const steps = places.flatMap((place) =>
        Array.from({ length: SHARE_STEPS }, (_, i) => ({
          place,
          share: floors[place] + ((shares[place] - floors[place]) * i) / SHARE_STEPS,
        })),
      );
      const only = ({ place, share }: { place: number; share: number }): T => {
        const own = shares.slice();
        own[place] = share;
        return variantOf(own);
      };
      const held = await testVariants(steps.map(only), tries, budget);
      const gains = places.flatMap((place, i) => {
        const own = held.slice(i * SHARE_STEPS, (i + 1) * SHARE_STEPS);
        const at = own.indexOf(true);
        // What lies below the smallest that does is not looked at again.
        floors[place] =
          at < 0
            ? steps[i * SHARE_STEPS + SHARE_STEPS - 1].share
            : steps[i * SHARE_STEPS + Math.max(0, at - 1)].share;
        return at < 0 ? [] : [{ place, share: steps[i * SHARE_STEPS + at].share }];
      });
      await applyGainsTogether(gains, shares, variantOf, tries, budget);
    }
  }
  return shares;
}

/** Takes as many of the gains together as go together, the first ones first. */
async function applyGainsTogether<T>(
  gains: readonly { readonly place: number; readonly share: number }[],
  shares: Float64Array,
  variantOf: (shares: Float64Array) => T,
  tries: TestOracle<T>,
  budget: TryBudget,
): Promise<void> {
  if (gains.length === 0) return;
  const counts = [...new Set([...halvings(gains.length), 1])];
  const taken = counts.map((count) => {
    const own = shares.slice();
    for (const { place, share } of gains.slice(0, count)) own[place] = share;
    return own;
  });
  const held = await testVariants(taken.map(variantOf), tries, budget);
  const best = held.indexOf(true);
  if (best >= 0) shares.set(taken[best]);
}
