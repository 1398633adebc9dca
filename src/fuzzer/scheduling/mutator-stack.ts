import { MAX_STACK_DEPTH } from './mutator-arms.ts';

/** Fills the rest of a stack that has fewer than `MAX_STACK_DEPTH` mutators. */
export const NO_ARM = -1;

/**
 * The stacked mutators of a task (as in AFL's havoc stage), flat: `[picks, inputs, MAX_STACK_DEPTH]` indices of the input's
 * arms, in the order in which they are applied.
 */
export type MutatorStacks = readonly number[];

/** A stack filled up to `MAX_STACK_DEPTH`. */
export function padStack(stack: readonly number[]): number[] {
  return Array.from({ length: MAX_STACK_DEPTH }, (_, step) => stack[step] ?? NO_ARM);
}

/** The stack of a pick for an input, without filling. */
export function stackOf(
  stacks: MutatorStacks,
  pick: number,
  input: number,
  inputCount: number,
): readonly number[] {
  const from = (pick * inputCount + input) * MAX_STACK_DEPTH;
  const end = stacks.indexOf(NO_ARM, from);
  return stacks.slice(from, end < 0 ? from + MAX_STACK_DEPTH : Math.min(end, from + MAX_STACK_DEPTH));
}

/** `input:mutator` of every mutator of a pick, in the order in which they are applied. */
export function mutatorNames(
  stacks: MutatorStacks,
  pick: number,
  inputs: readonly string[],
  arms: readonly (readonly { readonly name: string }[])[],
): string[] {
  return inputs.flatMap((input, i) =>
    stackOf(stacks, pick, i, inputs.length).map((arm) => `${input}:${arms[i][arm].name}`),
  );
}
