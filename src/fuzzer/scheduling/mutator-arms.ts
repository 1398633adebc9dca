import type { InputDescriptor } from '../../inputs/input-descriptor.ts';
import type { Mutator, PartnerKind } from '../../mutators/mutator.ts';
import { makeMutator, resolveMutatorSpec } from '../../mutators/registry.ts';

/** Most mutators that are applied one after the other. */
export const MAX_STACK_DEPTH = 4;

/** Metadata the mutator scheduler needs about one (input, mutator) pair, that is, one bandit arm. */
export interface ArmDescriptor {
  readonly name: string;
  /** Cost of making one mutant, in copies of its values. */
  readonly cost: number;
  /** The crossover partner that it takes; undefined where it takes none. */
  readonly partner: PartnerKind | undefined;
  /** Whether the partner may have another shape. */
  readonly acceptsAnyShape: boolean;
  readonly geometric: boolean;
  /** Whether climbs to goals alone use it: see `MutatorKind.forGoals`. */
  readonly forGoals?: boolean;
  /** Whether it moves latent vectors. */
  readonly usesLatent?: boolean;
}

/** A mutator that was made for an input. */
export interface Arm {
  readonly mutator: Mutator;
  /** Whether all values it writes are within the bounds, so that they need no clipping. */
  readonly confined: boolean;
  readonly geometric: boolean;
  /** Whether it changes a part of its parent's values alone: see `MutatorKind.editsPart`. */
  readonly editsPart?: boolean;
  /** Whether it reads the values of other inputs. */
  readonly readsInputs?: boolean;
  /** Path of its plug-in's module; absent for a built-in mutator. */
  readonly plugin?: string;
}

/**
 * Describes the arms of each input, in the order of their specs.
 *
 * @param editsRows whether rows are edited in place, so that a mutator that changes a part costs that part
 * @param decodeCost of decoding a mutant, in copies of its values, for mutators that move latent vectors
 */
export async function describeArms(
  specs: readonly (readonly string[])[],
  editsRows = false,
  decodeCost = 0,
): Promise<ArmDescriptor[][]> {
  return Promise.all(
    specs.map(async (list) => {
      const mutators = (await Promise.all(list.map(resolveMutatorSpec))).flat();
      return mutators.map(({ kind }) => ({
        name: kind.name,
        cost:
          (editsRows ? (kind.editCost ?? kind.cost) : kind.cost) +
          (kind.usesLatent === true ? decodeCost : 0),
        partner: kind.partner,
        acceptsAnyShape: kind.domains.includes('tokens'),
        geometric: kind.geometric === true,
        ...(kind.forGoals === true ? { forGoals: true } : {}),
        ...(kind.usesLatent === true ? { usesLatent: true } : {}),
      }));
    }),
  );
}

/** Makes the arms of each input, in the same order as `describeArms`. */
export async function makeArms(
  specs: readonly (readonly string[])[],
  descriptors: readonly InputDescriptor[],
): Promise<Arm[][]> {
  return Promise.all(
    specs.map(async (list, input) => {
      const mutators = (await Promise.all(list.map(resolveMutatorSpec))).flat();
      return mutators.map((mutator) => {
        const { staysInBounds, geometric, editsPart, readsInputs, plugin } = mutator.kind;
        return {
          mutator: makeMutator(mutator, descriptors[input]),
          confined: staysInBounds === true,
          geometric: geometric === true,
          ...(editsPart === true ? { editsPart } : {}),
          ...(readsInputs === true ? { readsInputs } : {}),
          ...(plugin === undefined ? {} : { plugin }),
        };
      });
    }),
  );
}
