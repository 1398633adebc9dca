import type { InputSpec } from './model.ts';

/** How testcases become the model's inputs: along a batch dimension of any size, along one of size 1, or whole. */
export type BatchAxis = 'free' | 'one' | 'none';

/**
 * Whether the first dimension of a model's inputs is the batch. It is where it is free in every input, and, as a batch
 * of one, where it is 1 in every input; else a testcase is the whole input.
 */
export function batchAxis(inputs: readonly InputSpec[]): BatchAxis {
  const startsWith = (input: InputSpec, size: number | null): boolean =>
    input.shape.length > (input.strings === undefined ? 0 : 1) && input.shape[0] === size;
  if (inputs.every((input) => startsWith(input, null))) return 'free';
  if (inputs.every((input) => startsWith(input, 1))) return 'one';
  return 'none';
}

/** Inputs in the shape of one testcase, without the batch dimension; free dimensions stay null. */
export function stripBatchDimension(inputs: readonly InputSpec[]): InputSpec[] {
  const from = batchAxis(inputs) === 'none' ? 0 : 1;
  return inputs.map((input) => ({ ...input, shape: input.shape.slice(from) }));
}
