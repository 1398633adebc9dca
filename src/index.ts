/** What plug-ins are written with; see docs/mutators.md. */
import type { MutatorKind } from './mutators/mutator.ts';

export type { Bounds, Values } from './mutators/constraints/bounds.ts';
export type { Given, Mate, Mutator, MutatorKind, Parameter, ParameterValues } from './mutators/mutator.ts';
export type { Domain, InputTraits, TokenTraits } from './mutators/traits.ts';
export type { Random } from './random.ts';

/** A mutator of your own, and what may be left out of it. */
export type MutatorDefinition = Omit<MutatorKind, 'cost' | 'help' | 'source' | 'parameters' | 'confined'> &
  Partial<Pick<MutatorKind, 'cost' | 'help' | 'source' | 'parameters'>>;

/**
 * Defines a mutator: the default export of a module that `--mutator ./module.js` names.
 *
 * @param definition its name, the kinds of inputs it is for, and `make`, which makes it for one input
 */
export function defineMutator(definition: MutatorDefinition): MutatorKind {
  return { cost: 10, help: '', source: 'plug-in', parameters: [], ...definition };
}
