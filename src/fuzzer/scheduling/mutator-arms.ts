import type { InputTraits } from '../../inputs/input-descriptor.ts';
import type { Mate, Mutator } from '../../mutators/mutator.ts';
import { makeMutator, readSpec } from '../../mutators/registry.ts';

/** Mutators applied in a row at most. */
export const LONGEST_CHAIN = 4;

/** What the campaign knows of a mutator of an input, to choose it by: an arm of a bandit, in that field's word. */
export interface ArmTraits {
  readonly name: string;
  /** What one mutant costs, in copies of its values. */
  readonly cost: number;
  readonly mate: Mate | undefined;
  /** Whether the second testcase may be of another form. */
  readonly anyForm: boolean;
  readonly geometric: boolean;
}

/** A mutator of an input, ready to work. */
export interface Arm {
  readonly mutator: Mutator;
  /** Whether all it writes is within the bounds. */
  readonly confined: boolean;
  readonly geometric: boolean;
  /** Path of the module that it comes from. Absent for our own. */
  readonly plugin?: string;
}

/** The arms of each input, in the order of their specs; none for an input that stays. */
export async function armTraits(specs: readonly (readonly string[])[]): Promise<ArmTraits[][]> {
  return Promise.all(
    specs.map(async (list) => {
      const chosen = (await Promise.all(list.map(readSpec))).flat();
      return chosen.map(({ kind: { name, cost, mate, domains, geometric } }) => ({
        name,
        cost,
        mate,
        anyForm: domains.includes('tokens'),
        geometric: geometric === true,
      }));
    }),
  );
}

/** Makes the mutators of each input. */
export async function makeArms(
  specs: readonly (readonly string[])[],
  traits: readonly InputTraits[],
): Promise<Arm[][]> {
  return Promise.all(
    specs.map(async (list, input) => {
      const chosen = (await Promise.all(list.map(readSpec))).flat();
      return chosen.map((one) => ({
        mutator: makeMutator(one, traits[input]),
        confined: one.kind.confined === true,
        geometric: one.kind.geometric === true,
        ...(one.kind.plugin === undefined ? {} : { plugin: one.kind.plugin }),
      }));
    }),
  );
}
