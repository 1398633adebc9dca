import { groupListsByInput, type ListSetting } from '../../config/values.ts';
import { suggestName } from '../../core/did-you-mean.ts';
import { UserError } from '../../core/errors.ts';
import type { InferredInput } from '../../inputs/infer-input.ts';
import type { InputDescriptor } from '../../inputs/input-descriptor.ts';
import type { InputSpec } from '../../model/model.ts';
import {
  type ConfiguredMutator,
  defaultMutators,
  fitsInput,
  isMutatorGroup,
  makeMutator,
  NO_MUTATOR,
  resolveMutatorSpec,
} from '../../mutators/registry.ts';
import type { Notices } from './model-settings.ts';

/** A mutator that was asked for. */
export interface RequestedMutator extends ConfiguredMutator {
  /** For this very input, for all that it fits, or as one of a group, which is taken where it fits. */
  readonly scope: 'own' | 'all' | 'group';
}

/** What is asked for an input: to stay, the default mix, or mutators. */
export type RequestedMutators = 'none' | 'default' | readonly RequestedMutator[];

/**
 * Reads which mutators are asked for each input.
 *
 * @throws UserError on an input that the model does not have, or a spec that makes no sense
 */
export async function requestedMutators(
  setting: ListSetting,
  inputs: readonly InputSpec[],
  guesses: readonly InferredInput[],
  notes: Notices,
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
    inputs.map(async (input, i): Promise<RequestedMutators> => {
      const own = byName.get(input.name);
      const specs = own ?? forAll;
      if (specs.includes(NO_MUTATOR)) {
        if (specs.length > 1)
          throw new UserError(
            `--mutator: input ${input.name} cannot both stay (none) and change (${specs.join(', ')})`,
          );
        return 'none';
      }
      if (specs.length > 0) {
        const chosen = await Promise.all(
          specs.map(async (spec) => {
            const scope = isMutatorGroup(spec) ? 'group' : own === undefined ? 'all' : 'own';
            return (await resolveMutatorSpec(spec)).map((one) => ({ ...one, scope }) as const);
          }),
        );
        return chosen.flat();
      }
      if (guesses[i].kind === 'mask' && inputs.length > 1) {
        notes.info(`input ${input.name} looks like a mask: it stays as its seeds have it`);
        return 'none';
      }
      return 'default';
    }),
  );
}

/**
 * The specs of the mutators that an input gets.
 *
 * @throws UserError where one was asked for this input and is for others
 */
export function mutatorSpecs(asked: RequestedMutators, input: InputDescriptor): string[] {
  if (asked === 'none') return [];
  const wanted =
    asked === 'default'
      ? defaultMutators(input)
      : asked.filter((one) => one.scope === 'own' || fitsInput(one.kind, input));
  const specs = wanted.map((one) => {
    // Says what is wrong where it does not fit.
    makeMutator(one, input);
    return one.spec;
  });
  return [...new Set(specs)];
}

/**
 * @param inputs those that are mutated, with what is asked for each
 * @throws UserError where a mutator that is asked for all inputs fits none
 */
export function checkMutatorsFit(
  inputs: readonly { readonly asked: RequestedMutators; readonly input: InputDescriptor }[],
): void {
  for (const { asked, input } of inputs) {
    if (typeof asked === 'string') continue;
    for (const one of asked) {
      // Says what it is for.
      if (one.scope === 'all' && !inputs.some((other) => fitsInput(one.kind, other.input)))
        makeMutator(one, input);
    }
  }
}
