import { reason, UserError } from '../core/errors.ts';
import { importPlugin } from '../extensions/plugin-loader.ts';
import { DOMAINS } from '../inputs/input-descriptor.ts';
import type { MutatorKind } from './mutator.ts';

/**
 * Loads a mutator from a module of the user's: its default export, as `defineMutator` makes it.
 *
 * @throws UserError where the module can't be loaded or exports no mutator
 */
export async function loadPlugin(path: string): Promise<MutatorKind> {
  const exported = await importPlugin('--mutator', path);
  const wrong = whatIsWrong(exported);
  if (wrong !== undefined)
    throw new UserError(`--mutator: the plug-in ${path} ${wrong}; see docs/plug-ins.md`);
  return named(exported as MutatorKind, path);
}

function whatIsWrong(exported: unknown): string | undefined {
  if (typeof exported !== 'object' || exported === null) return 'has no mutator as its default export';
  const kind = exported as Partial<Record<keyof MutatorKind, unknown>>;
  if (typeof kind.name !== 'string' || !/^[a-z][a-z0-9-]*$/.test(kind.name))
    return 'needs a name of small letters, digits and hyphens';
  if (typeof kind.make !== 'function') return 'needs a function make';
  const { domains, parameters } = kind;
  const areDomains =
    Array.isArray(domains) && domains.length > 0 && domains.every((one) => DOMAINS.includes(one));
  if (!areDomains) return `needs domains out of ${DOMAINS.join(', ')}`;
  const areParameters =
    Array.isArray(parameters) &&
    parameters.every(
      (one) => typeof one?.name === 'string' && typeof one.default === 'number' && Array.isArray(one.between),
    );
  return areParameters ? undefined : 'needs parameters, each with name, default and between';
}

/** The same mutator, whose errors say whose they are. */
function named(kind: MutatorKind, path: string): MutatorKind {
  const failed = (error: unknown): UserError =>
    new UserError(`the plug-in ${path} fails: ${reason(error)}; mend it or leave it out of --mutator`);
  return {
    ...kind,
    cost: kind.cost ?? 10,
    plugin: path,
    // Nobody but us makes sure that a stranger's values are legal.
    confined: false,
    make(value, input) {
      try {
        const made = kind.make(value, input);
        return {
          ...made,
          mutate(out, offset, parent, given) {
            try {
              made.mutate(out, offset, parent, given);
            } catch (error) {
              throw failed(error);
            }
          },
        };
      } catch (error) {
        throw failed(error);
      }
    },
  };
}
