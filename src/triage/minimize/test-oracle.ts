/** Runs variants of a testcase and returns, for each, whether it still fails in the same way. */
export type TestOracle<T> = (variants: readonly T[]) => Promise<readonly boolean[]>;

/** Runs variants and returns how far each is from failing in the same way; infinite if the objective gives no margin. */
export type MarginOracle<T> = (variants: readonly T[]) => Promise<ArrayLike<number>>;

/** Number of variants that may still be run. */
export class TryBudget {
  remaining: number;

  constructor(tries: number) {
    this.remaining = tries;
  }

  get isSpent(): boolean {
    return this.remaining <= 0;
  }

  /** Moves a share of the remaining tries, from 0 to 1, to a budget of their own. */
  split(share: number): TryBudget {
    const part = new TryBudget(Math.ceil(this.remaining * share));
    this.remaining -= part.remaining;
    return part;
  }

  /** Returns what is left of a budget made by `split`. */
  merge(part: TryBudget): void {
    this.remaining += part.remaining;
  }
}

/** Variants run in one batch. */
export const VARIANTS_PER_BATCH = 64;

/** Runs variants in batches until the budget is spent; variants not run count as passing. */
export async function testVariants<T>(
  variants: readonly T[],
  oracle: TestOracle<T>,
  budget: TryBudget,
): Promise<boolean[]> {
  const failing: boolean[] = [];
  for (let from = 0; from < variants.length && !budget.isSpent; from += VARIANTS_PER_BATCH) {
    const batch = variants.slice(from, from + Math.min(VARIANTS_PER_BATCH, budget.remaining));
    budget.remaining -= batch.length;
    failing.push(...(await oracle(batch)));
  }
  return [...failing, ...new Array<boolean>(variants.length - failing.length).fill(false)];
}

/** Variants whose margins are measured in one batch. */
const MARGINS_PER_BATCH = 256;

/** Measures the margins of variants in batches. The caller checks that the budget suffices. */
export async function measureMargins<T>(
  variants: readonly T[],
  marginOracle: MarginOracle<T>,
  budget: TryBudget,
): Promise<Float64Array> {
  const margins = new Float64Array(variants.length);
  for (let from = 0; from < variants.length; from += MARGINS_PER_BATCH) {
    const batch = variants.slice(from, from + MARGINS_PER_BATCH);
    budget.remaining -= batch.length;
    margins.set(Float64Array.from(await marginOracle(batch)), from);
  }
  return margins;
}
