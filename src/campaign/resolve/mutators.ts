import { type ListSetting, listByInput } from '../../config/values.ts';
import { suggestion } from '../../core/did-you-mean.ts';
import { UserError } from '../../core/errors.ts';
import type { Guess } from '../../inputs/infer-input.ts';
import type { InputTraits } from '../../inputs/input-descriptor.ts';
import type { InputSpec } from '../../model/model.ts';
import {
  type Chosen,
  defaultMix,
  fits,
  isGroup,
  makeMutator,
  NONE,
  readSpec,
} from '../../mutators/registry.ts';
import type { Notes } from './model-settings.ts';

/** A mutator that was asked for. */
export interface Asked extends Chosen {
  /** For this very input, for all that it fits, or as one of a group, which is taken where it fits. */
  readonly asked: 'own' | 'all' | 'group';
}

/** What is asked for an input: to stay, the default mix, or mutators. */
export type AskedMutators = 'none' | 'default' | readonly Asked[];

/**
 * Reads which mutators are asked for each input.
 *
 * @throws UserError on an input that the model does not have, or a spec that makes no sense
 */
export async function askedMutators(
  setting: ListSetting,
  inputs: readonly InputSpec[],
  guesses: readonly Guess[],
  notes: Notes,
): Promise<AskedMutators[]> {
  const names = inputs.map((input) => input.name);
  const { forAll, byName } = listByInput(setting, names);
  for (const name of byName.keys()) {
    if (!names.includes(name))
      throw new UserError(`mutator: the model has no input ${name}: ${suggestion(name, names)}`);
  }
  for (const spec of forAll) {
    const [name, ...rest] = spec.split('=');
    if (rest.length > 0 && !name.includes(':')) {
      throw new UserError(`--mutator: the model has no input ${name}: ${suggestion(name, names)}`);
    }
  }
  return Promise.all(
    inputs.map(async (input, i): Promise<AskedMutators> => {
      const own = byName.get(input.name);
      const specs = own ?? forAll;
      if (specs.includes(NONE)) {
        if (specs.length > 1)
          throw new UserError(
            `--mutator: input ${input.name} cannot both stay (none) and change (${specs.join(', ')})`,
          );
        return 'none';
      }
      if (specs.length > 0) {
        const chosen = await Promise.all(
          specs.map(async (spec) => {
            const asked = isGroup(spec) ? 'group' : own === undefined ? 'all' : 'own';
            return (await readSpec(spec)).map((one) => ({ ...one, asked }) as const);
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
export function mixOf(asked: AskedMutators, input: InputTraits): string[] {
  if (asked === 'none') return [];
  const wanted =
    asked === 'default'
      ? defaultMix(input)
      : asked.filter((one) => one.asked === 'own' || fits(one.kind, input));
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
export function refuseUnfit(
  inputs: readonly { readonly asked: AskedMutators; readonly input: InputTraits }[],
): void {
  for (const { asked, input } of inputs) {
    if (typeof asked === 'string') continue;
    for (const one of asked) {
      // Says what it is for.
      if (one.asked === 'all' && !inputs.some((other) => fits(one.kind, other.input)))
        makeMutator(one, input);
    }
  }
}
