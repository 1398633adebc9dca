import { UserError } from '../../core/errors.ts';
import { describeArms } from '../../fuzzer/scheduling/mutator-arms.ts';
import type { InputDescriptor } from '../../inputs/input-descriptor.ts';
import { mildMutators } from '../../mutators/corruption/mild.ts';
import { defaultMutators, fitsInput, MUTATORS, makeMutator } from '../../mutators/registry.ts';
import type { RequestedMutators } from './requested-mutators.ts';

/** What the choice of mutators depends on beside the inputs. */
export interface MutatorChoiceOptions {
  /** Whether the default mix must leave the class that a seed shows as it is. */
  readonly keepsLabels: boolean;
  /** Whether no mutator may change the meaning of an input, by the threat model. */
  readonly refusesMeaningChanges: boolean;
  /** Whether a mutant is one mild mutation of a picture, since nothing limits its distance. */
  readonly isOnce: boolean;
  /** Whether DeepHunter's rule holds: at most one geometric mutation of a seed and its descendants. */
  readonly allowsOneGeometric: boolean;
}

/**
 * Chooses the mutators of each input: those requested, or the default mix for what the input is.
 *
 * @param isKept whether an input keeps the values of its seeds
 * @returns specs by input; none for an input that is kept
 * @throws UserError where a mutator was requested for inputs that it does not fit, or no input is mutated
 */
export async function chooseMutators(
  requested: readonly RequestedMutators[],
  inputs: readonly InputDescriptor[],
  isKept: readonly boolean[],
  { keepsLabels, refusesMeaningChanges, isOnce, allowsOneGeometric }: MutatorChoiceOptions,
): Promise<string[][]> {
  checkMutatorsFit(requested, inputs, isKept);
  const mutators = requested.map((mutatorsOfInput, i) => {
    if (isKept[i]) return [];
    if (isOnce) return mildSpecs(mutatorsOfInput, inputs[i]);
    const list = refusesMeaningChanges ? withoutMeaningChanges(mutatorsOfInput) : mutatorsOfInput;
    const specs = mutatorSpecs(list, inputs[i]);
    return (keepsLabels || refusesMeaningChanges) && list === 'default' ? labelPreserving(specs) : specs;
  });
  checkAnyMutated(requested, mutators, inputs);
  if (allowsOneGeometric) await refuseOnlyGeometric(mutators, inputs);
  return mutators;
}

/**
 * The mild mutators of a picture: all, or those that are requested.
 *
 * @throws UserError where the input takes no pictures, or another mutator is requested
 */
function mildSpecs(requested: RequestedMutators, { name, picture }: InputDescriptor): string[] {
  if (requested === 'none') return [];
  const where = 'threatModel.may: content-preserving';
  if (picture === undefined)
    throw new UserError(
      `${where} has a meaning of its own for pictures alone, and input ${name} takes none: set linf, l2, l0, edits or valid in threatModel.limits, or --mutator ${name}=none`,
    );
  const mild = mildMutators();
  if (requested === 'default') return mild;
  const strong = requested.find(({ spec }) => !mild.includes(spec));
  if (strong !== undefined)
    throw new UserError(
      `--mutator: ${strong.spec} is not one of the changes that ${where} allows without a limit: set linf, l2, l0, edits or valid in threatModel.limits, or use ${mild[0]}, ${mild.slice(-2).join(', ')} and the like`,
    );
  return requested.map(({ spec }) => spec);
}

/** Share of the picks that mutate a mask: what a model makes of its other inputs is what campaigns are for. */
const MASK_PICK_SHARE = 1 / 8;

/**
 * The share of the picks that mutate each input; undefined for all of them. Masks that get the default mix of masks are
 * mutated now and then, unless nothing else is mutated. Told by the specs, which campaigns record: a campaign that is resumed
 * does the same.
 */
export function pickShares(
  mutators: readonly (readonly string[])[],
  inputs: readonly InputDescriptor[],
): (number | undefined)[] {
  const isRare = mutators.map(
    (specs, i) =>
      specs.length > 0 &&
      inputs[i].domains.includes('mask') &&
      specs.join() ===
        defaultMutators(inputs[i])
          .map(({ spec }) => spec)
          .join(),
  );
  const isAnyOther = mutators.some((specs, i) => specs.length > 0 && !isRare[i]);
  return isRare.map((rare) => (rare && isAnyOther ? MASK_PICK_SHARE : undefined));
}

/** The specs of an input's mutators. @throws UserError where one was requested for this input and does not fit it */
function mutatorSpecs(requested: RequestedMutators, input: InputDescriptor): string[] {
  if (requested === 'none') return [];
  const mutators =
    requested === 'default'
      ? defaultMutators(input)
      : requested.filter((mutator) => mutator.scope === 'own' || fitsInput(mutator, input));
  // Making one throws the error that says what it does not fit.
  for (const mutator of mutators) makeMutator(mutator, input);
  return [...new Set(mutators.map(({ spec }) => spec))];
}

/** @throws UserError where a mutator that was requested for all inputs fits none that is mutated */
function checkMutatorsFit(
  requested: readonly RequestedMutators[],
  inputs: readonly InputDescriptor[],
  isKept: readonly boolean[],
): void {
  const mutatedInputs = inputs.filter((_, i) => !isKept[i]);
  requested.forEach((mutators, i) => {
    if (typeof mutators === 'string' || isKept[i]) return;
    for (const mutator of mutators) {
      // Making it throws the error that says which inputs it is for.
      if (mutator.scope === 'all' && !mutatedInputs.some((input) => fitsInput(mutator, input)))
        makeMutator(mutator, inputs[i]);
    }
  });
}

/** Mutators of the default mix that do not change the class that a seed shows. */
function labelPreserving(specs: readonly string[]): string[] {
  return specs.filter((spec) => MUTATORS.find(spec)?.mayChangeMeaning !== true);
}

/**
 * The requested mutators of a group that keep the meaning of an input.
 *
 * @throws UserError where one that may change it was requested by its name
 */
function withoutMeaningChanges(requested: RequestedMutators): RequestedMutators {
  if (typeof requested === 'string') return requested;
  const changing = requested.find(({ scope, kind }) => scope !== 'group' && kind.mayChangeMeaning === true);
  if (changing !== undefined)
    throw new UserError(
      `--mutator: ${changing.kind.name} may change the meaning of an input, which threatModel.may: content-preserving excludes: leave it out`,
    );
  return requested.filter(({ kind }) => kind.mayChangeMeaning !== true);
}

/** @throws UserError where no input is mutated */
function checkAnyMutated(
  requested: readonly RequestedMutators[],
  mutators: readonly (readonly string[])[],
  inputs: readonly InputDescriptor[],
): void {
  if (mutators.some((list) => list.length > 0)) return;
  const unfit = inputs.flatMap(({ name }, i) => (requested[i] === 'none' ? [] : [name]));
  throw new UserError(
    unfit.length === 0
      ? '--mutator leaves every input unchanged: name a mutator for one of them'
      : `nothing would change: no given mutator fits ${unfit.join(', ')}; neurofuzz mutators lists the inputs of each`,
  );
}

/** @throws UserError where DeepHunter's rule would leave an input no mutator after its one geometric mutation */
async function refuseOnlyGeometric(
  mutators: readonly (readonly string[])[],
  inputs: readonly InputDescriptor[],
): Promise<void> {
  const arms = await describeArms(mutators);
  const onlyGeometric = arms.findIndex((list) => list.length > 0 && list.every(({ geometric }) => geometric));
  if (onlyGeometric < 0) return;
  throw new UserError(
    `--deephunter allows one geometric change, and input ${inputs[onlyGeometric].name} has no other mutator: add one, such as gaussian`,
  );
}
