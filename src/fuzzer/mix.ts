import { type ListSetting, listByInput } from '../config/values.ts';
import { UserError } from '../errors.ts';
import type { Guess } from '../inputs/guess.ts';
import type { InputSpec } from '../models/model.ts';
import { type Chosen, defaultMix, fits, isGroup, makeMutator, NONE, readSpec } from '../mutators/registry.ts';
import type { InputTraits } from '../mutators/traits.ts';
import { suggestion } from '../suggest.ts';
import type { Notes } from './target.ts';

/** A mutator that was asked for, and whether for this very input: else it is passed over where it does not fit. */
export interface Asked extends Chosen {
  readonly isOwn: boolean;
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
            const isOwn = own !== undefined && !isGroup(spec);
            return (await readSpec(spec)).map((one) => ({ ...one, isOwn }));
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
    asked === 'default' ? defaultMix(input) : asked.filter((one) => one.isOwn || fits(one.kind, input));
  const specs = wanted.map((one) => {
    // Says what is wrong where it does not fit.
    makeMutator(one, input);
    return one.spec;
  });
  return [...new Set(specs)];
}
