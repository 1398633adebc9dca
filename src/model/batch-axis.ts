import type { InputSpec } from './model.ts';

/** How testcases become the model's inputs: along a batch dimension of any size, along one of size 1, or whole. */
export type BatchAxis = 'free' | 'one' | 'none';

/** Where the batch dimension of a model's inputs lies. */
export interface BatchLayout {
  readonly axis: BatchAxis;
  /** Position of the batch dimension in each input; 0 throughout where there is none. */
  readonly positions: readonly number[];
  /** The name that the batch dimension has in every input; undefined where the model gives it none. */
  readonly name: string | undefined;
}

/** Names that exporters and their users give to the batch dimension. */
const BATCH_NAME_PATTERN = /batch|^(?:n|b|bs|bsz|unk__\d+)$/i;

/** Whether a dimension's name says that it is the batch. */
export function isBatchName(name: string | null | undefined): boolean {
  return name !== null && name !== undefined && BATCH_NAME_PATTERN.test(name);
}

/**
 * Where the batch of a model's inputs is. It is the first dimension where that is free in every input, and, as a batch of
 * one, where it is 1 in every input. It lies further back in an input, as in the state of a recurrent network, where a
 * dimension of the batch's name does. Else a testcase is the whole input.
 */
export function batchLayout(inputs: readonly InputSpec[]): BatchLayout {
  const first = inputs.map(() => 0);
  const whole: BatchLayout = { axis: 'none', positions: first, name: undefined };
  // The last dimension of strings is their length.
  const isSingle = ({ shape, strings }: InputSpec): boolean =>
    shape.length === (strings === undefined ? 0 : 1);
  if (inputs.length === 0 || inputs.some((input) => input.isWhole === true || isSingle(input))) return whole;
  const leading = new Set(inputs.map(({ dimensions }) => dimensions?.[0] ?? undefined));
  const leadingName = leading.size === 1 ? [...leading][0] : undefined;
  const name = isBatchName(leadingName) ? leadingName : sharedBatchName(inputs);
  if (name !== undefined && inputs.every((input) => input.shape[positionOf(input, name)] === null))
    return { axis: 'free', positions: inputs.map((input) => positionOf(input, name)), name };
  if (inputs.every(({ shape }) => shape[0] === null))
    return { axis: 'free', positions: first, name: leadingName };
  return inputs.every(({ shape }) => shape[0] === 1) ? { ...whole, axis: 'one' } : whole;
}

/** The name of a batch that every input has once. */
function sharedBatchName(inputs: readonly InputSpec[]): string | undefined {
  const names = (inputs[0].dimensions ?? []).filter((name) => name !== null).filter(isBatchName);
  return names.find((name) =>
    inputs.every(({ dimensions = [] }) => dimensions.filter((other) => other === name).length === 1),
  );
}

function positionOf({ dimensions = [] }: InputSpec, name: string): number {
  return dimensions.indexOf(name);
}

/** Whether a model's inputs have a batch dimension. */
export function batchAxis(inputs: readonly InputSpec[]): BatchAxis {
  return batchLayout(inputs).axis;
}

/** Inputs in the shape of one testcase, without the batch dimension; free dimensions stay null. */
export function stripBatchDimension(inputs: readonly InputSpec[]): InputSpec[] {
  const { axis, positions } = batchLayout(inputs);
  if (axis === 'none') return inputs.map((input) => ({ ...input }));
  return inputs.map(({ dimensions, ...input }, i) => ({
    ...input,
    shape: input.shape.toSpliced(positions[i], 1),
    ...(dimensions === undefined ? {} : { dimensions: dimensions.toSpliced(positions[i], 1) }),
  }));
}

/**
 * The shape of an input with its batch dimension; as it is where there is none.
 *
 * @param input index of the input
 * @param shape of one testcase
 * @param size of the batch; null where it is free
 */
export function withBatchDimension<T extends number | null>(
  { axis, positions }: Pick<BatchLayout, 'axis' | 'positions'>,
  input: number,
  shape: readonly number[],
  size: T,
): (number | T)[] {
  return axis === 'none' ? [...shape] : ([...shape] as (number | T)[]).toSpliced(positions[input], 0, size);
}
