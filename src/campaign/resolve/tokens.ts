import type { InputConfig, ModelConfig, MutationConfig, TokenSettings } from '../../config/schema.ts';
import { groupByInput } from '../../config/values.ts';
import { didYouMean, suggestName } from '../../core/did-you-mean.ts';
import { UserError } from '../../core/errors.ts';
import { quoteEscaped } from '../../core/escape-control.ts';
import { plural } from '../../core/format-number.ts';
import { readDictionary } from '../../inputs/dictionary.ts';
import type { InferredInput } from '../../inputs/infer-input.ts';
import type { TokenDescriptor } from '../../inputs/input-descriptor.ts';
import type { Interval } from '../../inputs/range.ts';
import type { Seeds } from '../../inputs/seeds.ts';
import { NO_TOKEN } from '../../model/language/generation.ts';
import { encodeWithinLimit, readTokenizer, type Tokenizer } from '../../model/language/tokenizer.ts';
import type { Vocabulary } from '../../model/language/vocabulary.ts';
import type { InputSpec, ModelInfo } from '../../model/model.ts';
import type { Notices } from './model-settings.ts';

/** Settings of an input of token ids, before seeds are read. */
export interface TokenPlan {
  readonly vocabulary: Vocabulary | undefined;
  readonly special: readonly number[];
  readonly length: readonly [number, number] | undefined;
  /** Legal ids; undefined where neither vocabulary nor model limits them. */
  readonly ids: Interval | undefined;
  /** Undefined without a vocabulary. */
  readonly tokenizer: Tokenizer | undefined;
  /** The id that pads shorter texts; undefined where texts are not padded. */
  readonly padId: number | undefined;
}

/**
 * Reads the settings of each input of token ids; undefined for other inputs.
 *
 * @throws UserError where a vocabulary can't be read, or a special token is not in it
 */
export async function planTokens(
  inputs: readonly InputSpec[],
  inferredInputs: readonly InferredInput[],
  config: ModelConfig & InputConfig,
  generation?: ModelInfo['generation'],
): Promise<(TokenPlan | undefined)[]> {
  if (generation !== undefined) return [await planPrompt(config, generation)];
  const settings = new Map(Object.entries(config.tokens ?? {}));
  const names = inputs.map(({ name }) => name);
  for (const name of settings.keys()) {
    if (!names.includes(name))
      throw new UserError(`tokens: the model has no input ${name}: ${suggestName(name, names)}`);
  }
  return Promise.all(
    inputs.map(async (input, i) => {
      const inputSettings = settings.get(input.name);
      if (inputSettings === undefined && inferredInputs[i].kind !== 'tokens') return undefined;
      if (input.type === 'bool')
        throw new UserError(`tokens: input ${input.name} takes switches, not tokens`);
      return planInput(input, inferredInputs[i], inputSettings ?? {});
    }),
  );
}

/** The prompt of a model that completes texts: positions behind a shorter prompt are padded. */
async function planPrompt(
  { generate, tokens }: ModelConfig & InputConfig,
  { vocabularySize }: NonNullable<ModelInfo['generation']>,
): Promise<TokenPlan> {
  if (tokens !== undefined)
    throw new UserError(
      'tokens: the prompt is described under generate: set vocabulary and promptLength there',
    );
  if (generate === undefined) throw new Error('only settings under generate let a model complete texts');
  const tokenizer = await readTokenizer(generate.vocabulary, vocabularySize);
  return {
    vocabulary: tokenizer.tokens,
    special: [NO_TOKEN, ...tokenizer.special],
    length: generate.promptLength,
    ids: { low: NO_TOKEN, high: vocabularySize - 1 },
    tokenizer,
    padId: NO_TOKEN,
  };
}

async function planInput(
  input: InputSpec,
  inferred: InferredInput,
  settings: TokenSettings,
): Promise<TokenPlan> {
  const high = inferred.isFromModel ? inferred.range.high : undefined;
  const size = high === undefined ? Number.POSITIVE_INFINITY : high + 1;
  const tokenizer =
    settings.vocabulary === undefined ? undefined : await readTokenizer(settings.vocabulary, size);
  const vocabulary = tokenizer?.tokens;
  if (vocabulary !== undefined && high !== undefined && vocabulary.length > high + 1) {
    throw new UserError(
      `tokens: the vocabulary of input ${input.name} has ${vocabulary.length} tokens, and the model looks up ${high + 1}`,
    );
  }
  const last = vocabulary === undefined ? high : vocabulary.length - 1;
  return {
    vocabulary,
    special:
      settings.special?.map((token) => specialTokenId(token, vocabulary, input.name)) ??
      tokenizer?.special ??
      [],
    length: settings.length,
    ids: last === undefined ? undefined : { low: 0, high: last },
    tokenizer,
    padId: undefined,
  };
}

function specialTokenId(special: number | string, vocabulary: Vocabulary | undefined, input: string): number {
  if (typeof special === 'number') return special;
  const id = vocabulary?.indexOf(special) ?? -1;
  if (id >= 0) return id;
  const tokens = (vocabulary ?? []).filter((token) => token !== null);
  throw new UserError(
    `tokens: ${special} is not in the vocabulary of input ${input}: ${didYouMean(special, tokens) || 'name special tokens by their ids'}`,
  );
}

/**
 * Reads the dictionaries of each input and encodes their words as token ids.
 *
 * @throws UserError where a dictionary is for no input of tokens, or none of its words can be encoded
 */
export async function readDictionaryWords(
  config: MutationConfig,
  inputs: readonly InputSpec[],
  plans: readonly (TokenPlan | undefined)[],
  notices: Notices,
): Promise<(readonly (readonly number[])[])[]> {
  const names = inputs.map(({ name }) => name);
  const { forAll, byName } = groupByInput(config.dictionary, names);
  for (const name of byName.keys()) {
    if (!names.includes(name))
      throw new UserError(`dictionary: the model has no input ${name}: ${suggestName(name, names)}`);
    const index = names.indexOf(name);
    if (plans[index] === undefined && inputs[index].strings === undefined)
      throw new UserError(`--dictionary: input ${name} takes neither tokens nor strings`);
  }
  const takesWords = inputs.some(({ strings }, i) => strings !== undefined || plans[i] !== undefined);
  if (forAll.length > 0 && !takesWords)
    throw new UserError(
      '--dictionary: no input of the model takes tokens or strings; if one takes tokens, name it under tokens in the campaign file',
    );
  return Promise.all(
    inputs.map(async ({ name }, i) => {
      const plan = plans[i];
      const ownPath = byName.get(name);
      const paths = ownPath === undefined ? forAll : [ownPath];
      if (plan === undefined) return [];
      const words: number[][] = [];
      for (const path of paths)
        words.push(...encodeWords(await readDictionary(path), plan, path, name, notices));
      return words;
    }),
  );
}

function encodeWords(
  words: readonly string[],
  plan: TokenPlan,
  path: string,
  input: string,
  notices: Notices,
): number[][] {
  const { vocabulary, ids, tokenizer } = plan;
  const idsOf = (word: string): number[] | undefined => {
    if (tokenizer !== undefined) return encodeWithinLimit(tokenizer, word, `the word ${quoteEscaped(word)}`);
    const numbers = word.split(/[\s,]+/).map(Number);
    const isLegal = numbers.every(
      (id) => Number.isInteger(id) && id >= (ids?.low ?? 0) && id <= (ids?.high ?? Number.MAX_SAFE_INTEGER),
    );
    return isLegal ? numbers : undefined;
  };
  const encoded = words.map(idsOf);
  const known = encoded.filter((wordIds) => wordIds !== undefined);
  const unknown = words.find((_, i) => encoded[i] === undefined);
  if (known.length === 0) {
    const how =
      vocabulary === undefined
        ? 'write one id per line, or name a vocabulary under tokens in the campaign file'
        : 'its characters are not in the vocabulary';
    throw new UserError(
      `--dictionary: no word of ${path}, such as ${JSON.stringify(unknown)}, can be put into input ${input}: ${how}`,
    );
  }
  if (unknown !== undefined) {
    notices.warn(
      `${words.length - known.length} of ${plural(words.length, 'word')} of ${path} ignored: the vocabulary of input ${input} cannot express ${JSON.stringify(unknown)}`,
    );
  }
  return known;
}

/**
 * Describes an input's tokens to mutators, once the seeds are read.
 *
 * @param column index of the input
 */
export function tokenDescriptor(
  { special, length, vocabulary, padId }: TokenPlan,
  dictionary: readonly (readonly number[])[],
  seeds: Seeds,
  column: number,
): TokenDescriptor {
  const longest = seeds.reduce((most, { inputs }) => Math.max(most, inputs[column].length), 1);
  return { special, length: length ?? [1, longest], vocabulary, dictionary, pad: padId };
}
