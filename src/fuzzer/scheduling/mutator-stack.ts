import { MAX_STACK_DEPTH } from './mutator-arms.ts';

/** Marks the end of a chain that is shorter than the longest. */
export const NO_ARM = -1;

/**
 * The mutators of each pick of a task, in one list: for each pick and each input, `LONGEST_CHAIN` places among the
 * input's arms, in the order in which they are applied.
 */
export type MutatorStacks = readonly number[];

/** The arms of an input for a pick. */
export function stackOf(
  chains: MutatorStacks,
  pick: number,
  input: number,
  inputs: number,
): readonly number[] {
  const from = (pick * inputs + input) * MAX_STACK_DEPTH;
  const end = chains.indexOf(NO_ARM, from);
  return chains.slice(from, end < 0 ? from + MAX_STACK_DEPTH : Math.min(end, from + MAX_STACK_DEPTH));
}

/** `input:mutator` of every mutator of a pick, in the order in which they were applied. */
export function mutatorNames(
  chains: MutatorStacks,
  pick: number,
  inputs: readonly string[],
  arms: readonly (readonly { readonly name: string }[])[],
): string[] {
  return inputs.flatMap((input, i) =>
    stackOf(chains, pick, i, inputs.length).map((arm) => `${input}:${arms[i][arm].name}`),
  );
}
