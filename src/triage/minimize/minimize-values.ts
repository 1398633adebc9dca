import { type ImageFormat, levelsToValues, valuesToLevels } from '../../inputs/image.ts';
import type { TestcaseData } from '../../inputs/testcase.ts';
import type { TestcaseInput } from '../../model/testcase-batch.ts';
import {
  cloneData,
  copyInto,
  DTYPES,
  type DType,
  readNumber,
  type TensorData,
  writeNumber,
} from '../../tensor/tensor.ts';
import { deltaDebug } from './delta-debugging.ts';
import { growGreedily } from './grow-greedily.ts';
import { minimizeShares } from './minimize-shares.ts';
import { type MarginOracle, measureMargins, type TestOracle, type TryBudget } from './test-oracle.ts';

/** A value of an input that differs from the seed's. */
interface ValueChange {
  readonly input: number;
  /** Flat index of the value, or of the first code point of a string, which changes as a whole. */
  readonly index: number;
  /** The new value; by default the testcase's value at this index. */
  readonly value?: number;
}

/** How far values of an input may be changed. */
export interface ValueBounds {
  /** Legal range of the input. */
  readonly low: number;
  readonly high: number;
  /** Maximum distance from the seed's value. */
  readonly maxDistance: number;
}

/** Lists the values of a testcase that differ from its seed's. Both have the same shapes. */
function diffValues(seed: TestcaseData, testcase: TestcaseData): ValueChange[] {
  return testcase.form.inputs.flatMap((testcaseInput, input) => {
    const { type, size } = testcaseInput;
    const length = lengthOfChange(testcaseInput);
    const isSame = (index: number): boolean =>
      Object.is(readNumber(type, testcase.inputs[input], index), readNumber(type, seed.inputs[input], index));
    const isChanged = (start: number): boolean => !Array.from({ length }, (_, i) => start + i).every(isSame);
    return Array.from({ length: length === 0 ? 0 : size / length }, (_, i) => ({
      input,
      index: i * length,
    })).filter(({ index }) => isChanged(index));
  });
}

/** Values that change together: those of a string. */
function lengthOfChange({ isString, shape }: TestcaseInput): number {
  return isString ? shape[shape.length - 1] : 1;
}

export interface MinimizeValuesOptions {
  readonly seed: TestcaseData;
  readonly testcase: TestcaseData;
  /** Whether values of an input are quantities that can be interpolated; token IDs and flags are not. */
  readonly isNumber: (input: number) => boolean;
  /** Bounds of an input's values; undefined if the constraints do not apply to each value separately. */
  readonly bounds: ((input: number) => ValueBounds) | undefined;
  /** Of each input, how its values map to pixels; undefined for inputs that are not images. */
  readonly imageFormats: readonly (ImageFormat | undefined)[];
  readonly oracle: TestOracle<TestcaseData>;
  readonly marginOracle: MarginOracle<TestcaseData>;
  readonly budget: TryBudget;
}

/**
 * Minimizes a testcase's difference from its seed: first the number of changed values, then the size of each change. Finally
 * changed pixels are rounded to 8-bit levels if the testcase still fails then.
 */
export async function minimizeValues(options: MinimizeValuesOptions): Promise<TestcaseData> {
  const { seed, testcase, isNumber, imageFormats, oracle, budget } = options;
  // Small changes come first: removing them is most likely to keep the failure.
  const changeSize = (change: ValueChange): number => {
    const [from, to] = valuesOf(change, seed, testcase);
    return Math.abs(to - from);
  };
  const allChanges = diffValues(seed, testcase).sort((a, b) => changeSize(a) - changeSize(b));
  let changes = await minimizeCount(allChanges, testcase, options);
  let source = testcase;
  // Fewer changes may suffice if each goes as far as its bounds allow.
  for (;;) {
    const pushed = pushToBounds(options, source, changes);
    if (pushed === undefined || budget.isSpent || !(await oracle([pushed]))[0]) break;
    const fewer = await minimizeCount(changes, pushed, options);
    if (fewer.length >= changes.length) break;
    changes = fewer;
    source = pushed;
  }
  changes = (await findSparserChanges(testcase, changes.length, options)) ?? changes;
  const numericChanges = changes.filter(({ input }) => isNumber(input));
  const otherChanges = changes.filter(({ input }) => !isNumber(input));
  const withShares = (shares: Float64Array): TestcaseData =>
    applyChanges(seed, source, [
      ...otherChanges,
      ...numericChanges.map((change, i) => ({ ...change, share: shares[i] })),
    ]);
  const shares = await minimizeShares(numericChanges.length, withShares, oracle, budget);
  const nearest = withShares(shares);
  const rounded = roundToLevels(seed, nearest, imageFormats);
  if (rounded === undefined) return nearest;
  const [isFailing] = await oracle([rounded]);
  return isFailing ? rounded : nearest;
}

/** Minimizes the number of changes by delta debugging. */
async function minimizeCount(
  changes: readonly ValueChange[],
  testcase: TestcaseData,
  { seed, oracle, budget }: MinimizeValuesOptions,
): Promise<ValueChange[]> {
  const variantOf = (kept: readonly number[]): TestcaseData =>
    applyChanges(
      seed,
      testcase,
      kept.map((i) => changes[i]),
    );
  const kept = await deltaDebug(changes.length, variantOf, oracle, budget);
  return kept.map((i) => changes[i]);
}

/** Changes considered by the greedy search: those with the smallest margins on their own. */
const MAX_PROMISING_CHANGES = 256;

/**
 * Searches for fewer than `below` changes that suffice when each goes as far as its bounds allow, including changes that the
 * testcase does not have. Undefined if there are none, or the objective gives no margin.
 */
async function findSparserChanges(
  testcase: TestcaseData,
  below: number,
  options: MinimizeValuesOptions,
): Promise<ValueChange[] | undefined> {
  const { seed, marginOracle, oracle, budget } = options;
  const boundaryChanges = listBoundaryChanges(options);
  if (boundaryChanges.length === 0 || boundaryChanges.length > budget.remaining / 2) return undefined;
  const variantWith = (changes: readonly ValueChange[]): TestcaseData =>
    applyChanges(seed, testcase, changes);
  const margins = await measureMargins(
    boundaryChanges.map((change) => variantWith([change])),
    marginOracle,
    budget,
  );
  const order = boundaryChanges.map((_, i) => i).sort((a, b) => margins[a] - margins[b]);
  const taken = new Set<string>();
  const promising = order
    .map((i) => boundaryChanges[i])
    .filter(({ input, index }) => !taken.has(`${input}/${index}`) && taken.add(`${input}/${index}`))
    .slice(0, MAX_PROMISING_CHANGES);
  const kept = await growGreedily(
    promising.length,
    below,
    (indices) => variantWith(indices.map((i) => promising[i])),
    marginOracle,
    oracle,
    budget,
  );
  if (kept === undefined) return undefined;
  return minimizeCount(
    kept.map((i) => promising[i]),
    testcase,
    options,
  );
}

/** Every change of a single value to its lower or upper bound; none without bounds. */
function listBoundaryChanges({ seed, bounds, isNumber }: MinimizeValuesOptions): ValueChange[] {
  if (bounds === undefined) return [];
  return seed.form.inputs.flatMap(({ type, size }, input): ValueChange[] => {
    if (!isNumber(input)) return [];
    const { low, high, maxDistance } = bounds(input);
    return Array.from({ length: size }, (_, index) => index).flatMap((index) => {
      const from = readNumber(type, seed.inputs[input], index);
      return [Math.max(low, from - maxDistance), Math.min(high, from + maxDistance)]
        .filter((value) => Number.isFinite(value) && value !== from)
        .map((value) => ({ input, index, value }));
    });
  });
}

/** Moves each change to its bound; undefined if there are no bounds, or all changes are there already. */
function pushToBounds(
  { seed, bounds, isNumber }: MinimizeValuesOptions,
  testcase: TestcaseData,
  changes: readonly ValueChange[],
): TestcaseData | undefined {
  if (bounds === undefined) return undefined;
  let isAnyMoved = false;
  const pushed = changes.map((change): ValueChange => {
    const [from, to] = valuesOf(change, seed, testcase);
    const { low, high, maxDistance } = bounds(change.input);
    const end = to > from ? Math.min(high, from + maxDistance) : Math.max(low, from - maxDistance);
    const isMoved =
      isNumber(change.input) && Number.isFinite(end) && Math.abs(end - from) > Math.abs(to - from);
    if (isMoved) isAnyMoved = true;
    return { ...change, value: isMoved ? end : to };
  });
  return isAnyMoved ? applyChanges(seed, testcase, pushed) : undefined;
}

/** The seed's and the testcase's value at the index of a change. */
function valuesOf(
  { input, index }: ValueChange,
  seed: TestcaseData,
  testcase: TestcaseData,
): [from: number, to: number] {
  const { type } = seed.form.inputs[input];
  return [readNumber(type, seed.inputs[input], index), readNumber(type, testcase.inputs[input], index)];
}

/** Copies the seed and applies changes to it, each scaled by its share. */
function applyChanges(
  seed: TestcaseData,
  testcase: TestcaseData,
  changes: readonly (ValueChange & { readonly share?: number })[],
): TestcaseData {
  const inputs = seed.inputs.map(cloneData);
  for (const change of changes) {
    const { input, index, value, share = 1 } = change;
    const { type, isString } = seed.form.inputs[input];
    if (isString) {
      const end = index + lengthOfChange(seed.form.inputs[input]);
      copyInto(inputs[input], testcase.inputs[input].subarray(index, end), index);
      continue;
    }
    const [from, testcaseValue] = valuesOf(change, seed, testcase);
    const to = value ?? testcaseValue;
    writeNumber(type, inputs[input], index, share === 1 ? to : interpolate(from, to, share, type));
  }
  return { form: seed.form, inputs };
}

/** Interpolates between two values. A change to or from a non-finite value is applied whole. */
function interpolate(from: number, to: number, share: number, type: DType): number {
  const value = from + share * (to - from);
  if (!Number.isFinite(value)) return to;
  if (DTYPES[type].kind === 'float') return value;
  // Integers are rounded away from the seed's value, so that the change does not vanish.
  return to > from ? Math.ceil(value) : Math.floor(value);
}

/** Rounds changed pixels to 8-bit levels; undefined if the testcase has no float32 image. */
function roundToLevels(
  seed: TestcaseData,
  testcase: TestcaseData,
  imageFormats: readonly (ImageFormat | undefined)[],
): TestcaseData | undefined {
  let hasImage = false;
  const inputs = testcase.inputs.map((values, input): TensorData => {
    const imageFormat = imageFormats[input];
    const seedValues = seed.inputs[input];
    if (
      imageFormat === undefined ||
      testcase.form.inputs[input].type !== 'float32' ||
      !(values instanceof Float32Array && seedValues instanceof Float32Array)
    )
      return values;
    hasImage = true;
    const rounded = Float32Array.from(levelsToValues(valuesToLevels(values, imageFormat), imageFormat));
    return values.map((value, i) => (value === seedValues[i] ? value : rounded[i]));
  });
  return hasImage ? { form: testcase.form, inputs } : undefined;
}
