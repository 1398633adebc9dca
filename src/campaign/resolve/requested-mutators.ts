import { groupListsByInput, type ListSetting } from '../../config/values.ts';
import { suggestName } from '../../core/did-you-mean.ts';
import { UserError } from '../../core/errors.ts';
import type { InferredInput } from '../../inputs/infer-input.ts';
import type { InputSpec } from '../../model/model.ts';
import {
  type ConfiguredMutator,
  isMutatorGroup,
  NO_MUTATOR,
  resolveMutatorSpec,
} from '../../mutators/registry.ts';

/** A mutator that the settings ask for. */
export interface RequestedMutator extends ConfiguredMutator {
  /** Requested for this input, for all inputs that it fits, or as one of a group, which is used where it fits. */
  readonly scope: 'own' | 'all' | 'group';
}

/** The mutators requested for an input: none, the default mix, or a list. */
export type RequestedMutators = 'none' | 'default' | readonly RequestedMutator[];

/**
 * Reads which mutators are requested for each input. Mutators without an input's name are not for states and selectors.
 *
 * @param inputs without the batch dimension
 * @throws UserError on an input that the model does not have, or a spec that is not valid
 */
export async function requestedMutators(
  setting: ListSetting,
  inputs: readonly InputSpec[],
  inferredInputs: readonly InferredInput[],
): Promise<RequestedMutators[]> {
  const names = inputs.map((input) => input.name);
  const { forAll, byName } = groupListsByInput(setting, names);
  for (const name of byName.keys()) {
    if (!names.includes(name))
      throw new UserError(`mutator: the model has no input ${name}: ${suggestName(name, names)}`);
  }
  for (const spec of forAll) {
    const [name, ...rest] = spec.split('=');
    if (rest.length > 0 && !name.includes(':')) {
      throw new UserError(`--mutator: the model has no input ${name}: ${suggestName(name, names)}`);
    }
  }
  return Promise.all(
    inputs.map(async ({ name }, i): Promise<RequestedMutators> => {
      const ownSpecs = byName.get(name);
      const { kind, stays } = inferredInputs[i];
      const isOnRequest = stays && (kind === 'state' || kind === 'selector');
      const specs = ownSpecs ?? (isOnRequest ? [] : forAll);
      if (specs.includes(NO_MUTATOR)) {
        if (specs.length > 1)
          throw new UserError(
            `--mutator: input ${name} cannot be both unchanged (none) and mutated (${specs.join(', ')})`,
          );
        return 'none';
      }
      if (specs.length > 0) return resolveSpecs(specs, ownSpecs === undefined ? 'all' : 'own');
      return stays ? 'none' : 'default';
    }),
  );
}

async function resolveSpecs(specs: readonly string[], scope: 'own' | 'all'): Promise<RequestedMutator[]> {
  const resolved = await Promise.all(
    specs.map(async (spec) => {
      const mutators = await resolveMutatorSpec(spec);
      return mutators.map(
        (mutator) => ({ ...mutator, scope: isMutatorGroup(spec) ? 'group' : scope }) as const,
      );
    }),
  );
  return resolved.flat();
}
