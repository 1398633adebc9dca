import { type ImageFormat, levelsToValues, valuesToLevels } from '../../inputs/image.ts';
import type { TestcaseData } from '../../inputs/testcase.ts';
import { cloneData, DTYPES, readNumber, type TensorData, writeNumber } from '../../tensor/tensor.ts';
import {
  deltaDebug,
  growGreedily,
  type MarginOracle,
  measureMargins,
  minimizeShares,
  type TestOracle,
  type TryBudget,
} from './delta-debugging.ts';

/** A value that differs from the seed's. */
interface ValueChange {
  readonly input: number;
  readonly at: number;
  /** What it becomes; what the testcase has there, where nothing is said. */
  readonly value?: number;
}

/** Values of a testcase that differ from its seed's. */
export function diffValues(seed: TestcaseData, testcase: TestcaseData): ValueChange[] {
  return testcase.form.inputs.flatMap(({ type, size }, input) =>
    Array.from({ length: size }, (_, at) => ({ input, at })).filter(
      ({ at }) =>
        !Object.is(readNumber(type, testcase.inputs[input], at), readNumber(type, seed.inputs[input], at)),
    ),
  );
}

/** What making a testcase smaller goes by. */
export interface MinimizeValuesOptions {
  readonly seed: TestcaseData;
  readonly testcase: TestcaseData;
  /** Whether values of an input are numbers, of which one may lie between two others; ids are not. */
  readonly isNumber: (input: number) => boolean;
  /** How far a value of an input may lie from the seed's, and within which ends; undefined where that hangs on others. */
  readonly bounds:
    | ((input: number) => { readonly low: number; readonly high: number; readonly most: number })
    | undefined;
  readonly imageFormats: readonly (ImageFormat | undefined)[];
  readonly oracle: TestOracle<TestcaseData>;
  readonly marginOracle: MarginOracle<TestcaseData>;
  readonly budget: TryBudget;
}

/**
 * A testcase that differs from its seed in as few values as can be, and in those by as little: first values are put back,
 * then those that stay come nearer to the seed's; those of pictures are then brought to 8-bit levels, where that does.
 */
export async function minimizeValues(options: MinimizeValuesOptions): Promise<TestcaseData> {
  const { seed, testcase, isNumber, imageFormats, oracle, budget } = options;
  // Small changes are put back first: they do least.
  const far = ({ input, at }: ValueChange): number => {
    const { type } = seed.form.inputs[input];
    const [from, to] = [seed, testcase].map((one) => readNumber(type, one.inputs[input], at));
    return Math.abs(to - from);
  };
  const all = diffValues(seed, testcase).sort((a, b) => far(a) - far(b));
  let changes = await fewestChanges(all, testcase, options);
  let from = testcase;
  // What is changed as far as is legal does with fewer of them.
  for (;;) {
    const bold = pushToBounds(options, from, changes);
    if (bold === undefined || budget.isSpent || !(await oracle([bold]))[0]) break;
    const fewer = await fewestChanges(changes, bold, options);
    if (fewer.length >= changes.length) break;
    changes = fewer;
    from = bold;
  }
  changes = (await findSparserChanges(testcase, changes.length, options)) ?? changes;
  const numbers = changes.filter(({ input }) => isNumber(input));
  const others = changes.filter(({ input }) => !isNumber(input));
  const withShares = (shares: Float64Array): TestcaseData =>
    applyChanges(seed, [
      ...others.map((change) => ({ ...change, testcase: from })),
      ...numbers.map((change, i) => ({ ...change, testcase: from, share: shares[i] })),
    ]);
  const shares = await minimizeShares(numbers.length, withShares, oracle, budget);
  const nearest = withShares(shares);
  const levelled = snapToLevels(seed, nearest, imageFormats);
  if (levelled === undefined) return nearest;
  const [held] = await oracle([levelled]);
  return held ? levelled : nearest;
}

/** As few of the changes as do. */
async function fewestChanges(
  changes: readonly ValueChange[],
  testcase: TestcaseData,
  { seed, oracle, budget }: MinimizeValuesOptions,
): Promise<ValueChange[]> {
  const of = (kept: readonly number[]): TestcaseData =>
    applyChanges(
      seed,
      kept.map((i) => ({ ...changes[i], testcase })),
    );
  const left = await deltaDebug(changes.length, of, oracle, budget);
  return left.map((i) => changes[i]);
}

/** Changes that are put in one after the other: the most promising ones by themselves. */
const MAX_PROMISING_CHANGES = 256;

/**
 * Fewer changes than so many that are enough when values go as far as is legal, whichever those are; undefined where
 * there are none, or nothing tells.
 */
async function findSparserChanges(
  testcase: TestcaseData,
  fewer: number,
  options: MinimizeValuesOptions,
): Promise<ValueChange[] | undefined> {
  const { seed, bounds, isNumber, marginOracle, oracle, budget } = options;
  if (bounds === undefined) return undefined;
  const single = seed.form.inputs.flatMap(({ type, size }, input): ValueChange[] =>
    !isNumber(input)
      ? []
      : Array.from({ length: size }, (_, at) => at).flatMap((at) => {
          const from = readNumber(type, seed.inputs[input], at);
          const { low, high, most } = bounds(input);
          return [Math.max(low, from - most), Math.min(high, from + most)]
            .filter((value) => Number.isFinite(value) && value !== from)
            .map((value) => ({ input, at, value }));
        }),
  );
  if (single.length === 0 || single.length > budget.remaining / 2) return undefined;
  const with1 = (changes: readonly ValueChange[]): TestcaseData =>
    applyChanges(
      seed,
      changes.map((change) => ({ ...change, testcase })),
    );
  const margins = await measureMargins(
    single.map((change) => with1([change])),
    marginOracle,
    budget,
  );
  const order = single.map((_, i) => i).sort((a, b) => margins[a] - margins[b]);
  const taken = new Set<string>();
  const promising = order
    .map((i) => single[i])
    .filter(({ input, at }) => !taken.has(`${input}/${at}`) && taken.add(`${input}/${at}`))
    .slice(0, MAX_PROMISING_CHANGES);
  const of = (kept: readonly number[]): TestcaseData => with1(kept.map((i) => promising[i]));
  const kept = await growGreedily(promising.length, fewer, of, marginOracle, oracle, budget);
  if (kept === undefined) return undefined;
  return fewestChanges(
    kept.map((i) => promising[i]),
    testcase,
    options,
  );
}

/** A seed with some changes made as far as is legal; undefined where that is as far as they go already. */
function pushToBounds(
  { seed, bounds, isNumber }: MinimizeValuesOptions,
  testcase: TestcaseData,
  changes: readonly ValueChange[],
): TestcaseData | undefined {
  if (bounds === undefined) return undefined;
  const columns = seed.inputs.map(cloneData);
  let isFarther = false;
  for (const { input, at } of changes) {
    const { type } = seed.form.inputs[input];
    const [from, to] = [seed, testcase].map((one) => readNumber(type, one.inputs[input], at));
    const { low, high, most } = bounds(input);
    const end = to > from ? Math.min(high, from + most) : Math.max(low, from - most);
    const isOn = isNumber(input) && Number.isFinite(end) && Math.abs(end - from) > Math.abs(to - from);
    if (isOn) isFarther = true;
    writeNumber(type, columns[input], at, isOn ? end : to);
  }
  return isFarther ? { form: seed.form, inputs: columns } : undefined;
}

/** A seed with some values of a testcase, whole or a share of the way. */
function applyChanges(
  seed: TestcaseData,
  changes: readonly (ValueChange & { readonly testcase: TestcaseData; readonly share?: number })[],
): TestcaseData {
  const columns = seed.inputs.map(cloneData);
  for (const { input, at, value, testcase, share = 1 } of changes) {
    const { type } = seed.form.inputs[input];
    const from = readNumber(type, seed.inputs[input], at);
    const to = value ?? readNumber(type, testcase.inputs[input], at);
    writeNumber(type, columns[input], at, share === 1 ? to : interpolate(from, to, share, type));
  }
  return { form: seed.form, inputs: columns };
}

/** A value on the way; what has no way, an infinity or NaN, is taken whole. */
function interpolate(
  from: number,
  to: number,
  share: number,
  type: TestcaseData['form']['inputs'][number]['type'],
): number {
  const way = from + share * (to - from);
  if (!Number.isFinite(way)) return to;
  if (DTYPES[type].kind === 'float') return way;
  // Of whole numbers the one that lies further, so that a change stays one.
  return to > from ? Math.ceil(way) : Math.floor(way);
}

/** A testcase whose changed values are those of 8-bit levels, away from the seed's; undefined where it has no picture. */
function snapToLevels(
  seed: TestcaseData,
  testcase: TestcaseData,
  pictures: readonly (ImageFormat | undefined)[],
): TestcaseData | undefined {
  let isAny = false;
  const columns = testcase.inputs.map((column, input): TensorData => {
    const picture = pictures[input];
    const { type } = testcase.form.inputs[input];
    if (picture === undefined || type !== 'float32') return column;
    isAny = true;
    const levels = Float32Array.from(
      levelsToValues(valuesToLevels(column as Float32Array, picture), picture),
    );
    return (column as Float32Array).map((value, at) =>
      value === (seed.inputs[input] as Float32Array)[at] ? value : levels[at],
    );
  });
  return isAny ? { form: testcase.form, inputs: columns } : undefined;
}
