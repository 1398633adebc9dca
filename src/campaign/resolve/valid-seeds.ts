import { stripPadding } from '../../constraints/strip-padding.ts';
import { UserError } from '../../core/errors.ts';
import { formatExactly } from '../../core/format-number.ts';
import type { InputDescriptor } from '../../inputs/input-descriptor.ts';
import { type Interval, intervalAt, type Range } from '../../inputs/range.ts';
import type { Seeds } from '../../inputs/seeds.ts';
import { columnAt } from '../../inputs/table-column.ts';
import { readNumber, type TensorData } from '../../tensor/tensor.ts';
import type { Notices } from './model-settings.ts';
import { spanOfSeeds, typedRange } from './ranges.ts';

/** Seeds named in a warning. */
const MAX_NAMED_SEEDS = 3;

/**
 * Drops seeds that break a constraint by themselves, with a warning: no mutant of theirs could be legal.
 *
 * @throws UserError where no seed is left
 */
export function validSeeds(
  seeds: Seeds,
  descriptors: readonly InputDescriptor[],
  isMutated: readonly boolean[],
  notices: Notices,
): Seeds {
  const ranges = descriptors.map(({ type, range }) => typedRange(type, range));
  const problems = seeds.map((seed, index) => {
    for (const [input, descriptor] of descriptors.entries()) {
      const problem = isMutated[input] ? problemOf(seed, input, descriptor, ranges[input]) : undefined;
      if (problem !== undefined) return `seed ${index} has ${problem}`;
    }
    return undefined;
  });
  const found = problems.filter((problem) => problem !== undefined);
  if (found.length === 0) return seeds;
  if (found.length === seeds.length) {
    const outside = outsideRange(seeds, descriptors, isMutated);
    if (outside !== undefined) throw new UserError(outside);
    const others = found.length > 1 ? `, and all ${found.length} seeds break a constraint` : '';
    throw new UserError(
      `${found[0]}${others}: no seed is left to fuzz; change the seeds or widen what is legal`,
    );
  }
  const more = found.length > MAX_NAMED_SEEDS ? `; and ${found.length - MAX_NAMED_SEEDS} more` : '';
  notices.warn(
    `${found.length} of ${seeds.length} seeds break a constraint and are left out: ${found.slice(0, MAX_NAMED_SEEDS).join('; ')}${more}`,
  );
  return seeds.filter((_, index) => problems[index] === undefined);
}

/** What to do where the range of one input leaves no seed; undefined where that is not why. */
function outsideRange(
  seeds: Seeds,
  descriptors: readonly InputDescriptor[],
  isMutated: readonly boolean[],
): string | undefined {
  for (const [i, { name, type, range, columns, tokens, strings }] of descriptors.entries()) {
    if (!isMutated[i] || (columns ?? tokens ?? strings ?? range.channels) !== undefined) continue;
    const legal = typedRange(type, range);
    const spans = seeds.map((seed) => spanOfSeeds(seed.form.inputs[i], [seed], i));
    if (!spans.every((span) => span !== undefined && (span.low < legal.low || span.high > legal.high)))
      continue;
    const span = spanOfSeeds(seeds[0].form.inputs[i], seeds, i) ?? range;
    const wide = [Math.min(span.low, range.low), Math.max(span.high, range.high)].map(formatExactly);
    const found = [
      ...(span.low < legal.low ? [`lowest: ${formatExactly(span.low)}`] : []),
      ...(span.high > legal.high ? [`highest: ${formatExactly(span.high)}`] : []),
    ];
    const who =
      seeds.length === 1 ? 'the only seed contains values' : `all ${seeds.length} seeds contain values`;
    return `${who} outside the range of input ${name}, [${range.low}, ${range.high}] (${found.join(', ')}): set it to [${wide.join(', ')}] with --range ${name}=${wide.join()} or range in the campaign file, or remove it to use the seeds' own range`;
  }
  return undefined;
}

/** The first constraint that one input of a seed breaks, as the object of "seed 3 has"; undefined where it breaks none. */
function problemOf(
  seed: Seeds[number],
  input: number,
  descriptor: InputDescriptor,
  range: Range,
): string | undefined {
  const { type, columns, name, tokens } = descriptor;
  const values = seed.inputs[input];
  const size = values.length;
  const count = stripPadding(values, tokens?.pad).length;
  if (tokens !== undefined && tokens.length[1] < count && seed.form.inputs[input].shape.length === 1)
    return `${count} tokens in input ${name}, more than ${tokens.length[1]}`;
  // Most seeds are legal, and there may be ten thousand of them.
  if (columns === undefined && range.channels === undefined && areWithin(values, range)) return undefined;
  for (let i = 0; i < size; i++) {
    const value = readNumber(type, values, i);
    const column = columns === undefined ? undefined : columnAt(columns, i);
    if (column?.kind === 'integer' && !Number.isInteger(value))
      return `${value} in column ${i} of input ${name}, which holds whole numbers`;
    if (column?.kind === 'category' && !column.values.includes(value))
      return `${value} in column ${i} of input ${name}, which is not one of ${column.values.slice(0, 8).join(', ')}`;
    const { low, high } = intervalAt(range, i, size);
    if (value < low || value > high) {
      const legal = intervalAt(descriptor.range, i, size);
      return `${value} at position ${i} of input ${name}, outside its range ${legal.low},${legal.high}`;
    }
  }
  return undefined;
}

/** Whether no value of an array of floats lies outside an interval; false for other types, which are not looked at. */
function areWithin(values: TensorData, { low, high }: Interval): boolean {
  if (!(values instanceof Float32Array || values instanceof Float64Array)) return false;
  for (let i = 0; i < values.length; i++) if (values[i] < low || values[i] > high) return false;
  return true;
}
