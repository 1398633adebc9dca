import type { InputDescriptor } from '../../inputs/input-descriptor.ts';
import type { Mutator, PartnerKind } from '../../mutators/mutator.ts';
import { makeMutator, resolveMutatorSpec } from '../../mutators/registry.ts';

/** Mutators applied in a row at most. */
export const MAX_STACK_DEPTH = 4;

/** What the campaign knows of a mutator of an input, to choose it by: an arm of a bandit, in that field's word. */
export interface ArmDescriptor {
  readonly name: string;
  /** What one mutant costs, in copies of its values. */
  readonly cost: number;
  readonly partner: PartnerKind | undefined;
  /** Whether the second testcase may be of another form. */
  readonly acceptsAnyShape: boolean;
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
export async function describeArms(specs: readonly (readonly string[])[]): Promise<ArmDescriptor[][]> {
  return Promise.all(
    specs.map(async (list) => {
      const chosen = (await Promise.all(list.map(resolveMutatorSpec))).flat();
      return chosen.map(({ kind: { name, cost, partner, domains, geometric } }) => ({
        name,
        cost,
        partner,
        acceptsAnyShape: domains.includes('tokens'),
        geometric: geometric === true,
      }));
    }),
  );
}

/** Makes the mutators of each input. */
export async function makeArms(
  specs: readonly (readonly string[])[],
  traits: readonly InputDescriptor[],
): Promise<Arm[][]> {
  return Promise.all(
    specs.map(async (list, input) => {
      const chosen = (await Promise.all(list.map(resolveMutatorSpec))).flat();
      return chosen.map((one) => ({
        mutator: makeMutator(one, traits[input]),
        confined: one.kind.staysInBounds === true,
        geometric: one.kind.geometric === true,
        ...(one.kind.plugin === undefined ? {} : { plugin: one.kind.plugin }),
      }));
    }),
  );
}
