import { MAX_STACK_DEPTH } from './mutator-arms.ts';

/** Fills the rest of a stack that has fewer than `MAX_STACK_DEPTH` mutators. */
export const NO_ARM = -1;

/**
 * The stacked mutators of a task (as in AFL's havoc stage), flat: `[picks, inputs, MAX_STACK_DEPTH]` indices of the input's
 * arms, in the order in which they are applied.
 */
export type MutatorStacks = readonly number[];

/** A pick's stacks of all inputs, each filled up to `MAX_STACK_DEPTH`. */
export function padStacks(stacks: readonly (readonly number[])[]): number[] {
  const padded: number[] = [];
  // Hot: hundreds of picks a task.
  for (const stack of stacks)
    for (let step = 0; step < MAX_STACK_DEPTH; step++)
      padded.push(step < stack.length ? stack[step] : NO_ARM);
  return padded;
}

/** The stack of a pick for an input, without filling. */
export function stackOf(
  stacks: MutatorStacks,
  pick: number,
  input: number,
  inputCount: number,
): readonly number[] {
  const from = (pick * inputCount + input) * MAX_STACK_DEPTH;
  let length = 0;
  while (length < MAX_STACK_DEPTH && stacks[from + length] !== NO_ARM) length++;
  return stacks.slice(from, from + length);
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
