import { allowsResizing, type ConstraintLimits } from '../../constraints/constraint-limits.ts';
import type { InputDescriptor } from '../../inputs/input-descriptor.ts';
import type { Seeds } from '../../inputs/seeds.ts';
import type { InputSpec } from '../../model/model.ts';
import { type DType, makeData, readNumber, type TensorData, writeNumber } from '../../tensor/tensor.ts';

/** The input whose length mutators may change, and the inputs that must have the same length. */
export interface LengthChanges {
  readonly leader: number;
  readonly followers: readonly number[];
  /** In tokens. */
  readonly minLength: number;
  readonly maxLength: number;
}

/**
 * Resolves whether mutators may change lengths: only where the model leaves the length of its tokens open, no constraint
 * compares positions, and all other open sizes are the same length, as those of masks and segments are.
 *
 * @param inputs without the batch dimension, null where a size is open
 * @param isMutated whether each input is mutated
 * @returns undefined where lengths are fixed
 */
export function resolveLengthChanges(
  inputs: readonly InputSpec[],
  descriptors: readonly InputDescriptor[],
  isMutated: readonly boolean[],
  seeds: Seeds,
  limits: ConstraintLimits,
): LengthChanges | undefined {
  if (!allowsResizing(limits) || descriptors.some(({ fixed }) => fixed !== undefined)) return undefined;
  // Padded texts of all lengths have one shape.
  if (descriptors.some(({ tokens }) => tokens?.pad !== undefined)) return undefined;
  const isOpen = (i: number): boolean => inputs[i].shape.length === 1 && inputs[i].shape[0] === null;
  const leader = inputs.findIndex((_, i) => isOpen(i) && isMutated[i] && descriptors[i].tokens !== undefined);
  const tokens = descriptors[leader]?.tokens;
  if (tokens === undefined) return undefined;
  // The length of strings is open and the same in all testcases.
  const openSizes = ({ shape, strings }: InputSpec) => (strings === undefined ? shape : shape.slice(0, -1));
  const followers = inputs.flatMap((input, i) =>
    i !== leader && openSizes(input).includes(null) ? [i] : [],
  );
  const areAlike = followers.every(
    (i) => isOpen(i) && seeds.every(({ inputs }) => inputs[i].length === inputs[leader].length),
  );
  if (!areAlike) return undefined;
  return { leader, followers, minLength: tokens.length[0], maxLength: tokens.length[1] };
}

/**
 * Resizes an input that follows another's length: truncated, or extended by counting on where its values count up (as
 * position ids do), else by repeating its last value.
 */
export function followLength(type: DType, data: TensorData, size: number): TensorData {
  const values = makeData(type, size);
  const { length } = data;
  const last = length === 0 ? 0 : readNumber(type, data, length - 1);
  let counts = length > 1;
  for (let i = 1; i < length && counts; i++)
    counts = readNumber(type, data, i) === readNumber(type, data, i - 1) + 1;
  for (let i = 0; i < size; i++) {
    const value = i < length ? readNumber(type, data, i) : last + (counts ? i - length + 1 : 0);
    writeNumber(type, values, i, value);
  }
  return values;
}
