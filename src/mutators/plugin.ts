import type { DefaultedParameter, ParameterValues } from '../extensions/parameters.ts';
import {
  type ExportedKind,
  importPluginKind,
  type PluginKind,
  type PluginKindOptions,
} from '../extensions/plugin-kind.ts';
import { DOMAINS, type InputDescriptor } from '../inputs/input-descriptor.ts';
import type { MutationContext, Mutator, MutatorKind } from './mutator.ts';

/** A kind of mutator as a module exports it, with the names of older plug-ins. */
interface ExportedMutatorKind
  extends Omit<ExportedKind<Mutator>, 'make'>,
    Pick<MutatorKind, 'domains' | 'partner' | 'geometric' | 'mayChangeMeaning'> {
  readonly cost?: number;
  /** @deprecated `partner` in older plug-ins */
  readonly mate?: MutatorKind['partner'];
  /** @deprecated `mayChangeMeaning` in older plug-ins */
  readonly alters?: boolean;
  make(values: ParameterValues, input: InputDescriptor): Mutator;
}

type MutatorPlugin = PluginKind<ExportedMutatorKind, Mutator>;

/** The cost of a mutator that declares none, in copies of its values. */
const DEFAULT_COST = 10;

const OPTIONS: PluginKindOptions<ExportedMutatorKind> = {
  flag: '--mutator',
  noun: 'mutator',
  requiresName: true,
  requiresDefaults: true,
  describeDefect({ domains }) {
    const areDomains =
      Array.isArray(domains) && domains.length > 0 && domains.every((domain) => DOMAINS.includes(domain));
    return areDomains ? undefined : `needs domains out of ${DOMAINS.join(', ')}`;
  },
};

/**
 * Loads a mutator from a plug-in module: its default export, as `defineMutator` returns it.
 *
 * @throws UserError if the module can't be loaded or exports no mutator
 */
export async function loadMutatorPlugin(path: string): Promise<MutatorKind> {
  const plugin = await importPluginKind(path, OPTIONS);
  const {
    domains,
    partner,
    mate,
    mayChangeMeaning,
    alters,
    geometric,
    cost = DEFAULT_COST,
  } = plugin.exported;
  return {
    ...plugin.base,
    parameters: plugin.base.parameters.filter(hasDefault),
    domains,
    cost,
    // Whether its values are legal is not known: all are clipped.
    staysInBounds: false,
    geometric: geometric === true,
    mayChangeMeaning: (mayChangeMeaning ?? alters) === true,
    ...optional('partner', partner ?? mate),
    make: (values, input) => makePluginMutator(plugin, values, input),
  };
}

function hasDefault(parameter: { readonly default?: number }): parameter is DefaultedParameter {
  return parameter.default !== undefined;
}

function optional<N extends string, T>(name: N, value: T | undefined): { readonly [K in N]?: T } {
  return (value === undefined ? {} : { [name]: value }) as { readonly [K in N]?: T };
}

/** A mutator whose errors name its module. The time limit is that of a whole batch, which the caller keeps. */
function makePluginMutator(plugin: MutatorPlugin, values: ParameterValues, input: InputDescriptor): Mutator {
  const mutator = plugin.make(values, input);
  plugin.requireMethod(mutator, 'mutate');
  const renamed = {} as RenamedContext;
  const guarded: Mutator = {
    mutate(out, offset, parent, context) {
      try {
        mutator.mutate(out, offset, parent, copyWithOldNames(renamed, context));
      } catch (error) {
        throw plugin.asUserError(error);
      }
    },
  };
  if (mutator.lengthOf === undefined) return guarded;
  return { ...guarded, lengthOf: mutator.lengthOf.bind(mutator) };
}

/** A mutation context with the names of older plug-ins beside the others. */
type RenamedContext = { -readonly [K in keyof MutationContext]: MutationContext[K] } & {
  mate: MutationContext['partner'];
  turn: number;
  turns: number;
};

/** Fills `renamed`, one for all mutants of a mutator: nothing is allocated for each. */
function copyWithOldNames(renamed: RenamedContext, context: MutationContext): MutationContext {
  Object.assign(renamed, context);
  renamed.mate = context.partner;
  renamed.turn = context.mutantIndex;
  renamed.turns = context.mutantCount;
  return renamed;
}
