import { errorMessage, UserError } from '../core/errors.ts';
import { importPlugin } from '../extensions/plugin-loader.ts';
import { DOMAINS } from '../inputs/input-descriptor.ts';
import type { MutationContext, MutatorKind } from './mutator.ts';

/**
 * Loads a mutator from a module of the user's: its default export, as `defineMutator` makes it.
 *
 * @throws UserError where the module can't be loaded or exports no mutator
 */
export async function loadMutatorPlugin(path: string): Promise<MutatorKind> {
  const exported = await importPlugin('--mutator', path);
  const wrong = describeInvalidKind(exported);
  if (wrong !== undefined)
    throw new UserError(`--mutator: the plug-in ${path} ${wrong}; see docs/plug-ins.md`);
  return withNamedErrors(exported as MutatorKind, path);
}

function describeInvalidKind(exported: unknown): string | undefined {
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

/** A kind under the names of older plug-ins: `mate` for `partner`, `alters` for `mayChangeMeaning`. */
type PluginKind = MutatorKind & { readonly mate?: MutatorKind['partner']; readonly alters?: boolean };

/** What a plug-in is given, under the names of older plug-ins too. */
function withOldNames(context: MutationContext): MutationContext {
  const { partner, mutantIndex, mutantCount } = context;
  return Object.assign({ mate: partner, turn: mutantIndex, turns: mutantCount }, context);
}

/** The same mutator, whose errors say whose they are. */
function withNamedErrors(kind: PluginKind, path: string): MutatorKind {
  const partner = kind.partner ?? kind.mate;
  const mayChangeMeaning = kind.mayChangeMeaning ?? kind.alters;
  const failed = (error: unknown): UserError =>
    new UserError(`the plug-in ${path} fails: ${errorMessage(error)}; mend it or leave it out of --mutator`);
  return {
    ...kind,
    ...(partner === undefined ? {} : { partner }),
    ...(mayChangeMeaning === undefined ? {} : { mayChangeMeaning }),
    cost: kind.cost ?? 10,
    plugin: path,
    // Nobody but us makes sure that a stranger's values are legal.
    staysInBounds: false,
    make(value, input) {
      try {
        const made = kind.make(value, input);
        return {
          ...made,
          mutate(out, offset, parent, given) {
            try {
              made.mutate(out, offset, parent, withOldNames(given));
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
