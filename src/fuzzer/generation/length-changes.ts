import { allowsResizing, type ConstraintLimits } from '../../constraints/constraint-limits.ts';
import type { InputDescriptor } from '../../inputs/input-descriptor.ts';
import type { Seeds } from '../../inputs/seeds.ts';
import type { InputSpec } from '../../model/model.ts';
import { type DType, makeData, readNumber, type TensorData, writeNumber } from '../../tensor/tensor.ts';

/** Which input's length mutators may change, and which inputs have to follow. */
export interface LengthChanges {
  readonly leader: number;
  readonly followers: readonly number[];
  /** Fewest and most tokens. */
  readonly minLength: number;
  readonly maxLength: number;
}

/**
 * Whether lengths may change: where a model leaves the length of its tokens open, nothing compares places, and every
 * other open size follows, as masks and segments do.
 *
 * @param inputs as testcases have them, null where a size is open
 * @param mutated whether each input is mutated
 */
export function resolveLengthChanges(
  inputs: readonly InputSpec[],
  traits: readonly InputDescriptor[],
  mutated: readonly boolean[],
  seeds: Seeds,
  limits: ConstraintLimits,
): LengthChanges | undefined {
  if (!allowsResizing(limits) || traits.some(({ fixed }) => fixed !== undefined)) return undefined;
  // Where places may hold no token, texts of all lengths have one shape.
  if (traits.some(({ tokens }) => tokens?.pad !== undefined)) return undefined;
  const isOpen = (i: number): boolean => inputs[i].shape.length === 1 && inputs[i].shape[0] === null;
  const leader = inputs.findIndex((_, i) => isOpen(i) && mutated[i] && traits[i].tokens !== undefined);
  const tokens = traits[leader]?.tokens;
  if (tokens === undefined) return undefined;
  const followers = inputs.flatMap(({ shape }, i) => (i !== leader && shape.includes(null) ? [i] : []));
  const areAlike = followers.every(
    (i) => isOpen(i) && seeds.every(({ inputs }) => inputs[i].length === inputs[leader].length),
  );
  if (!areAlike) return undefined;
  return { leader, followers, minLength: tokens.length[0], maxLength: tokens.length[1] };
}

/** Values of an input that follows another's length: cut, or gone on with, by one where they count up, else by the last. */
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
