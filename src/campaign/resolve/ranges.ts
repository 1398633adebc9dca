import type { InputConfig } from '../../config/schema.ts';
import { suggestName } from '../../core/did-you-mean.ts';
import { UserError } from '../../core/errors.ts';
import type { ImageFormat } from '../../inputs/image.ts';
import type { Interval, Range } from '../../inputs/range.ts';
import type { Seeds } from '../../inputs/seeds.ts';
import type { InputSpec } from '../../model/model.ts';
import { type DType, makeData, readNumber, writeNumber } from '../../tensor/tensor.ts';

/** The range that the levels 0 to 255 are scaled to, by channel where channels differ. */
export function rangeOfPicture({ black, white, channelsFirst }: ImageFormat): Range {
  const channels = black.map((low, c) => ({ low, high: white[c] }));
  const low = Math.min(...black);
  const high = Math.max(...white);
  const isUniform = channels.every((channel) => channel.low === low && channel.high === high);
  return isUniform ? { low, high } : { low, high, channels, channelsFirst };
}

/**
 * The ranges of the `--range` setting, by input name.
 *
 * @throws UserError on an input that the model does not have
 */
export function declaredRanges(setting: InputConfig['range'], names: readonly string[]): Map<string, Range> {
  const declared = new Map<string, Range>();
  if (setting === undefined) return declared;
  if (Array.isArray(setting)) {
    const [low, high] = setting as [number, number];
    for (const name of names) declared.set(name, { low, high });
    return declared;
  }
  for (const [name, [low, high]] of Object.entries(setting as Record<string, [number, number]>)) {
    if (!names.includes(name))
      throw new UserError(`--range: the model has no input ${name}: ${suggestName(name, names)}`);
    declared.set(name, { low, high });
  }
  return declared;
}

/** Whether an input has one value throughout, in all seeds. */
export function isConstant(input: InputSpec, seeds: Seeds, column: number): boolean {
  const span = spanOfSeeds(input, seeds, column);
  return span === undefined || span.low === span.high;
}

/** Whether an input holds zeros and ones alone in all seeds, as masks do. */
export function isMaskOfSeeds({ type }: InputSpec, seeds: Seeds, column: number): boolean {
  return seeds.every(({ inputs }) => {
    for (let i = 0; i < inputs[column].length; i++) {
      const value = readNumber(type, inputs[column], i);
      if (value !== 0 && value !== 1) return false;
    }
    return true;
  });
}

/** The smallest and the largest value in the seeds; undefined where the input is empty in all of them. */
export function spanOfSeeds(input: InputSpec, seeds: Seeds, column: number): Range | undefined {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const { inputs } of seeds) {
    for (let i = 0; i < inputs[column].length; i++) {
      const value = readNumber(input.type, inputs[column], i);
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
  }
  return low > high ? undefined : { low, high };
}

/**
 * Infers an input's range from its seeds. An input with one value throughout has no range to infer: it keeps that value.
 *
 * @param mutated by input, whether it is to be mutated
 * @param isRequested whether mutators are requested for the input: keeping it would contradict that
 * @returns the range, and whether the input keeps its value
 * @throws UserError where the input has one value throughout and cannot be kept
 */
export function rangeOfSeeds(
  input: InputSpec,
  seeds: Seeds,
  column: number,
  mutated: readonly boolean[],
  isRequested: boolean,
): { readonly range: Range; readonly stays: boolean } {
  if (input.type === 'bool') return { range: { low: 0, high: 1 }, stays: false };
  const span = spanOfSeeds(input, seeds, column);
  if (span === undefined) return { range: { low: 0, high: 1 }, stays: true };
  if (span.low < span.high || !mutated[column]) return { range: span, stays: false };
  const others = mutated.some((isMutated, i) => isMutated && i !== column);
  if (!isRequested && others) return { range: span, stays: true };
  throw new UserError(
    `every seed has the value ${span.low} throughout input ${input.name}, so its range is unknown: give it with --range ${input.name}=lo,hi`,
  );
}

/** Widens a range to its ends as rounded to the input's type: 0.7 becomes 0.699999988 in float32. */
export function typedRange(type: DType, range: Range): Range {
  const ends = makeData(type, 2);
  const widened = ({ low, high }: Interval): Interval => {
    writeNumber(type, ends, 0, low);
    writeNumber(type, ends, 1, high);
    return {
      low: Math.min(low, readNumber(type, ends, 0)),
      high: Math.max(high, readNumber(type, ends, 1)),
    };
  };
  return { ...range, ...widened(range), channels: range.channels?.map(widened) };
}
