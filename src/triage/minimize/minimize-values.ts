import { levelsOf, type Picture, valuesOf } from '../../inputs/image.ts';
import type { TestcaseData } from '../../inputs/testcase.ts';
import { copyOf, DTYPES, readNumber, type TensorData, writeNumber } from '../../tensor/tensor.ts';
import {
  type Budget,
  fewest,
  grown,
  measured,
  type Nearness,
  smallest,
  type Tries,
} from './delta-debugging.ts';

/** A value that differs from the seed's. */
interface Change {
  readonly input: number;
  readonly at: number;
  /** What it becomes; what the testcase has there, where nothing is said. */
  readonly value?: number;
}

/** Values of a testcase that differ from its seed's. */
export function changesFrom(seed: TestcaseData, testcase: TestcaseData): Change[] {
  return testcase.form.inputs.flatMap(({ type, size }, input) =>
    Array.from({ length: size }, (_, at) => ({ input, at })).filter(
      ({ at }) =>
        !Object.is(readNumber(type, testcase.columns[input], at), readNumber(type, seed.columns[input], at)),
    ),
  );
}

/** What making a testcase smaller goes by. */
export interface ValueOptions {
  readonly seed: TestcaseData;
  readonly testcase: TestcaseData;
  /** Whether values of an input are numbers, of which one may lie between two others; ids are not. */
  readonly isNumber: (input: number) => boolean;
  /** How far a value of an input may lie from the seed's, and within which ends; undefined where that hangs on others. */
  readonly bounds:
    | ((input: number) => { readonly low: number; readonly high: number; readonly most: number })
    | undefined;
  readonly pictures: readonly (Picture | undefined)[];
  readonly tries: Tries<TestcaseData>;
  readonly nearness: Nearness<TestcaseData>;
  readonly budget: Budget;
}

/**
 * A testcase that differs from its seed in as few values as can be, and in those by as little: first values are put back,
 * then those that stay come nearer to the seed's; those of pictures are then brought to 8-bit levels, where that does.
 */
export async function minimizeValues(options: ValueOptions): Promise<TestcaseData> {
  const { seed, testcase, isNumber, pictures, tries, budget } = options;
  // Small changes are put back first: they do least.
  const far = ({ input, at }: Change): number => {
    const { type } = seed.form.inputs[input];
    const [from, to] = [seed, testcase].map((one) => readNumber(type, one.columns[input], at));
    return Math.abs(to - from);
  };
  const all = changesFrom(seed, testcase).sort((a, b) => far(a) - far(b));
  let changes = await fewestOf(all, testcase, options);
  let from = testcase;
  // What is changed as far as is legal does with fewer of them.
  for (;;) {
    const bold = pushed(options, from, changes);
    if (bold === undefined || budget.isSpent || !(await tries([bold]))[0]) break;
    const fewer = await fewestOf(changes, bold, options);
    if (fewer.length >= changes.length) break;
    changes = fewer;
    from = bold;
  }
  changes = (await sparser(testcase, changes.length, options)) ?? changes;
  const numbers = changes.filter(({ input }) => isNumber(input));
  const others = changes.filter(({ input }) => !isNumber(input));
  const withShares = (shares: Float64Array): TestcaseData =>
    changed(seed, [
      ...others.map((change) => ({ ...change, testcase: from })),
      ...numbers.map((change, i) => ({ ...change, testcase: from, share: shares[i] })),
    ]);
  const shares = await smallest(numbers.length, withShares, tries, budget);
  const nearest = withShares(shares);
  const levelled = inLevels(seed, nearest, pictures);
  if (levelled === undefined) return nearest;
  const [held] = await tries([levelled]);
  return held ? levelled : nearest;
}

/** As few of the changes as do. */
async function fewestOf(
  changes: readonly Change[],
  testcase: TestcaseData,
  { seed, tries, budget }: ValueOptions,
): Promise<Change[]> {
  const of = (kept: readonly number[]): TestcaseData =>
    changed(
      seed,
      kept.map((i) => ({ ...changes[i], testcase })),
    );
  const left = await fewest(changes.length, of, tries, budget);
  return left.map((i) => changes[i]);
}

/** Changes that are put in one after the other: the most promising ones by themselves. */
const PROMISING = 256;

/**
 * Fewer changes than so many that are enough when values go as far as is legal, whichever those are; undefined where
 * there are none, or nothing tells.
 */
async function sparser(
  testcase: TestcaseData,
  fewer: number,
  options: ValueOptions,
): Promise<Change[] | undefined> {
  const { seed, bounds, isNumber, nearness, tries, budget } = options;
  if (bounds === undefined) return undefined;
  const single = seed.form.inputs.flatMap(({ type, size }, input): Change[] =>
    !isNumber(input)
      ? []
      : Array.from({ length: size }, (_, at) => at).flatMap((at) => {
          const from = readNumber(type, seed.columns[input], at);
          const { low, high, most } = bounds(input);
          return [Math.max(low, from - most), Math.min(high, from + most)]
            .filter((value) => Number.isFinite(value) && value !== from)
            .map((value) => ({ input, at, value }));
        }),
  );
  if (single.length === 0 || single.length > budget.left / 2) return undefined;
  const with1 = (changes: readonly Change[]): TestcaseData =>
    changed(
      seed,
      changes.map((change) => ({ ...change, testcase })),
    );
  const margins = await measured(
    single.map((change) => with1([change])),
    nearness,
    budget,
  );
  const order = single.map((_, i) => i).sort((a, b) => margins[a] - margins[b]);
  const taken = new Set<string>();
  const promising = order
    .map((i) => single[i])
    .filter(({ input, at }) => !taken.has(`${input}/${at}`) && taken.add(`${input}/${at}`))
    .slice(0, PROMISING);
  const of = (kept: readonly number[]): TestcaseData => with1(kept.map((i) => promising[i]));
  const kept = await grown(promising.length, fewer, of, nearness, tries, budget);
  if (kept === undefined) return undefined;
  return fewestOf(
    kept.map((i) => promising[i]),
    testcase,
    options,
  );
}

/** A seed with some changes made as far as is legal; undefined where that is as far as they go already. */
function pushed(
  { seed, bounds, isNumber }: ValueOptions,
  testcase: TestcaseData,
  changes: readonly Change[],
): TestcaseData | undefined {
  if (bounds === undefined) return undefined;
  const columns = seed.columns.map(copyOf);
  let isFarther = false;
  for (const { input, at } of changes) {
    const { type } = seed.form.inputs[input];
    const [from, to] = [seed, testcase].map((one) => readNumber(type, one.columns[input], at));
    const { low, high, most } = bounds(input);
    const end = to > from ? Math.min(high, from + most) : Math.max(low, from - most);
    const isOn = isNumber(input) && Number.isFinite(end) && Math.abs(end - from) > Math.abs(to - from);
    if (isOn) isFarther = true;
    writeNumber(type, columns[input], at, isOn ? end : to);
  }
  return isFarther ? { form: seed.form, columns } : undefined;
}

/** A seed with some values of a testcase, whole or a share of the way. */
function changed(
  seed: TestcaseData,
  changes: readonly (Change & { readonly testcase: TestcaseData; readonly share?: number })[],
): TestcaseData {
  const columns = seed.columns.map(copyOf);
  for (const { input, at, value, testcase, share = 1 } of changes) {
    const { type } = seed.form.inputs[input];
    const from = readNumber(type, seed.columns[input], at);
    const to = value ?? readNumber(type, testcase.columns[input], at);
    writeNumber(type, columns[input], at, share === 1 ? to : between(from, to, share, type));
  }
  return { form: seed.form, columns };
}

/** A value on the way; what has no way, an infinity or NaN, is taken whole. */
function between(
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
function inLevels(
  seed: TestcaseData,
  testcase: TestcaseData,
  pictures: readonly (Picture | undefined)[],
): TestcaseData | undefined {
  let isAny = false;
  const columns = testcase.columns.map((column, input): TensorData => {
    const picture = pictures[input];
    const { type } = testcase.form.inputs[input];
    if (picture === undefined || type !== 'float32') return column;
    isAny = true;
    const levels = Float32Array.from(valuesOf(levelsOf(column as Float32Array, picture), picture));
    return (column as Float32Array).map((value, at) =>
      value === (seed.columns[input] as Float32Array)[at] ? value : levels[at],
    );
  });
  return isAny ? { form: testcase.form, columns } : undefined;
}
