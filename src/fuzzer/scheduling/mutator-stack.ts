import { LONGEST_CHAIN } from './mutator-arms.ts';

/** Marks the end of a chain that is shorter than the longest. */
export const NO_ARM = -1;

/**
 * The mutators of each pick of a task, in one list: for each pick and each input, `LONGEST_CHAIN` places among the
 * input's arms, in the order in which they are applied.
 */
export type Chains = readonly number[];

/** The arms of an input for a pick. */
export function chainOf(chains: Chains, pick: number, input: number, inputs: number): readonly number[] {
  const from = (pick * inputs + input) * LONGEST_CHAIN;
  const end = chains.indexOf(NO_ARM, from);
  return chains.slice(from, end < 0 ? from + LONGEST_CHAIN : Math.min(end, from + LONGEST_CHAIN));
}

/** `input:mutator` of every mutator of a pick, in the order in which they were applied. */
export function chainNames(
  chains: Chains,
  pick: number,
  inputs: readonly string[],
  arms: readonly (readonly { readonly name: string }[])[],
): string[] {
  return inputs.flatMap((input, i) =>
    chainOf(chains, pick, i, inputs.length).map((arm) => `${input}:${arms[i][arm].name}`),
  );
}
