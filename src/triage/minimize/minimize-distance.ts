import type { TestcaseData } from '../../inputs/testcase.ts';
import { cloneData, DTYPES, readNumber, writeNumber } from '../../tensor/tensor.ts';
import { type TestOracle, type TryBudget, testVariants, VARIANTS_PER_BATCH } from './test-oracle.ts';

export interface MinimizeDistanceOptions {
  readonly seed: TestcaseData;
  /** Of the seed's shapes. */
  readonly testcase: TestcaseData;
  /** Whether values of an input are quantities that can be interpolated; those of other inputs stay. */
  readonly isNumber: (input: number) => boolean;
  /** The distance that becomes less. */
  readonly norm: 'linf' | 'l2';
  readonly oracle: TestOracle<TestcaseData>;
  readonly budget: TryBudget;
}

/** Batches of variants, each of which divides what the one before it left by 64. */
const ROUNDS = 2;

/**
 * Brings a testcase as near to its seed as it still fails: for L∞ every change is cut to a radius, for L2 all are scaled alike.
 * Each batch tries radii at equal distances, and the next one those between the least that fails and the one below it.
 */
export async function minimizeDistance(options: MinimizeDistanceOptions): Promise<TestcaseData> {
  const { testcase, oracle, budget } = options;
  const variantAt = options.norm === 'linf' ? clippedTo(options) : scaledBy(options);
  let nearest = testcase;
  let low = 0;
  let high = 1;
  for (let round = 0; round < ROUNDS && !budget.isSpent; round++) {
    const shares = Array.from(
      { length: VARIANTS_PER_BATCH },
      (_, i) => low + ((high - low) * i) / VARIANTS_PER_BATCH,
    );
    const variants = shares.map(variantAt);
    const failing = await testVariants(variants, oracle, budget);
    const least = failing.indexOf(true);
    if (least < 0) {
      low = shares[shares.length - 1];
      continue;
    }
    nearest = variants[least];
    if (least === 0) break;
    [low, high] = [shares[least - 1], shares[least]];
  }
  return nearest;
}

/** Makes a variant whose values move toward the seed's. */
type VariantAt = (share: number) => TestcaseData;

/** A variant each of whose changes is at most a share of the largest one. */
function clippedTo(options: MinimizeDistanceOptions): VariantAt {
  let largest = 0;
  moveNumbers(options, (difference) => {
    largest = Math.max(largest, Math.abs(difference));
    return difference;
  });
  return (share) =>
    moveNumbers(
      options,
      (difference) => Math.sign(difference) * Math.min(Math.abs(difference), share * largest),
    );
}

function scaledBy(options: MinimizeDistanceOptions): VariantAt {
  return (share) => moveNumbers(options, (difference) => share * difference);
}

/** The testcase with each difference of a number from the seed's replaced; of whole numbers the result is cut. */
function moveNumbers(
  { seed, testcase, isNumber }: MinimizeDistanceOptions,
  replace: (difference: number) => number,
): TestcaseData {
  const inputs = testcase.form.inputs.map(({ type, size }, input) => {
    const values = cloneData(testcase.inputs[input]);
    if (!isNumber(input)) return values;
    const isWhole = DTYPES[type].kind !== 'float';
    for (let i = 0; i < size; i++) {
      const from = readNumber(type, seed.inputs[input], i);
      const difference = readNumber(type, values, i) - from;
      // What is no number, or too far from one, stays as it is.
      if (difference === 0 || !Number.isFinite(difference)) continue;
      const moved = replace(difference);
      if (moved !== difference) writeNumber(type, values, i, from + (isWhole ? Math.trunc(moved) : moved));
    }
    return values;
  });
  return { form: testcase.form, inputs };
}
