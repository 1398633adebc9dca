import type { InputConfig } from '../../config/schema.ts';
import type { LengthChanges } from '../../fuzzer/generation/length-changes.ts';
import type { InferredInput } from '../../inputs/infer-input.ts';
import { rangeText } from '../../inputs/range.ts';
import type { InputSpec } from '../../model/model.ts';
import type { InputSettings } from './input-settings.ts';
import type { Notices } from './model-settings.ts';
import type { RequestedMutators } from './requested-mutators.ts';

/** Kinds that follow from type and number of dimensions alone: the inputs get the mutators of their type. */
const PLAIN_KINDS: ReadonlySet<InferredInput['kind']> = new Set([
  'sequence',
  'features',
  'number',
  'flag',
  'array',
]);

/** Kinds as nouns, where their name is none. */
const KIND_NOUNS: Readonly<Partial<Record<InferredInput['kind'], string>>> = {
  image: 'an image',
  mask: 'a mask',
  state: 'a state of a recurrent network',
  selector: 'a setting',
};

/**
 * Says in one line an input what was guessed of it, why, and the flag that overrules it. Inputs that are plain numbers of
 * an unknown range have no line.
 *
 * @param areGiven whether seeds are given: ranges are then those of the seeds
 */
export function explainGuesses(
  { testcaseInputs, inferredInputs, requestedMutators, declaredRanges }: InputSettings,
  { tokens, preprocess }: Pick<InputConfig, 'tokens' | 'preprocess'>,
  areGiven: boolean,
  notices: Notices,
): void {
  testcaseInputs.forEach(({ name }, i) => {
    if (tokens?.[name] !== undefined || preprocess?.[name] !== undefined) return;
    const inferred = inferredInputs[i];
    const isRangeGuessed = !areGiven && !declaredRanges.has(name);
    const guesses = [
      kindGuess(name, inferred, requestedMutators[i], areGiven),
      isRangeGuessed ? rangeGuess(name, inferred) : undefined,
    ].filter((guess) => guess !== undefined);
    if (guesses.length > 0) notices.info(`input ${name} ${guesses.join('; ')}`);
  });
}

function kindGuess(
  name: string,
  { kind, kindReason, stays, seedValue, maskedSites }: InferredInput,
  requested: RequestedMutators,
  areGiven: boolean,
): string | undefined {
  if (PLAIN_KINDS.has(kind) || (requested !== 'default' && !(stays && requested === 'none')))
    return undefined;
  const guess = `looks like ${KIND_NOUNS[kind] ?? kind}: ${kindReason}`;
  if (requested === 'default' && maskedSites !== undefined)
    return `${guess}; ${maskedSites.slice(0, 3).join(', ')} would fail if it hides everything, so it is mutated in one pick in eight: --mutator ${name}=none leaves it unchanged`;
  if (requested === 'default') return `${guess}; --mutator ${name}=numbers overrides that`;
  const value = areGiven || seedValue === undefined ? 'as its seeds have it' : String(seedValue);
  const mutators = kind === 'mask' ? 'flags' : 'numbers';
  return `${guess}; it stays ${value}: --mutator ${name}=${mutators} mutates it`;
}

function rangeGuess(
  name: string,
  { range, rangeReason, isRangeKnown, stays }: InferredInput,
): string | undefined {
  if (stays || !isRangeKnown) return undefined;
  return `its range is ${rangeText(range)}: ${rangeReason}; --range ${name}=lo,hi overrides that`;
}

/**
 * Says how long tokens are in mutants, where that follows from the seeds.
 *
 * @param inputs without the batch dimension
 */
export function explainLengths(
  inputs: readonly InputSpec[],
  lengthChanges: LengthChanges | undefined,
  { tokens }: Pick<InputConfig, 'tokens'>,
  notices: Notices,
): void {
  if (lengthChanges === undefined) return;
  const { leader, minLength, maxLength } = lengthChanges;
  const { name } = inputs[leader];
  if (tokens?.[name]?.length !== undefined) return;
  notices.info(
    `input ${name} has ${minLength} to ${maxLength} tokens in mutants, at most as many as the longest seed; set tokens.${name}.length in the campaign file for other lengths`,
  );
}
