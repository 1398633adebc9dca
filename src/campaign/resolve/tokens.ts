import type {
  GenerateSettings,
  InputConfig,
  ModelConfig,
  MutationConfig,
  TokenSettings,
} from '../../config/schema.ts';
import { groupByInput } from '../../config/values.ts';
import { didYouMean, suggestName } from '../../core/did-you-mean.ts';
import { UserError } from '../../core/errors.ts';
import { readDictionary } from '../../inputs/dictionary.ts';
import type { InferredInput } from '../../inputs/infer-input.ts';
import type { TokenDescriptor } from '../../inputs/input-descriptor.ts';
import type { Interval } from '../../inputs/range.ts';
import type { Seeds } from '../../inputs/seeds.ts';
import { NO_TOKEN } from '../../model/language/generation.ts';
import { readTokenizer, type Tokenizer } from '../../model/language/tokenizer.ts';
import type { Vocabulary } from '../../model/language/vocabulary.ts';
import type { InputSpec, ModelInfo } from '../../model/model.ts';
import type { Notices } from './model-settings.ts';

/** What is known of inputs of tokens before seeds are read. */
export interface TokenPlan {
  readonly vocabulary: Vocabulary | undefined;
  readonly special: readonly number[];
  readonly length: readonly [number, number] | undefined;
  /** Legal ids; undefined where nothing says. */
  readonly ids: Interval | undefined;
  /** What stands between ids and texts; undefined where nobody says. */
  readonly tokenizer: Tokenizer | undefined;
  /** The id of places that hold no token; undefined where there are none such. */
  readonly padId: number | undefined;
}

/**
 * What the settings say of each input that takes tokens; undefined for those that take none.
 *
 * @throws UserError where a vocabulary can't be read, or a special token is not in it
 */
export async function planTokens(
  inputs: readonly InputSpec[],
  guesses: readonly InferredInput[],
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
      const own = settings.get(input.name);
      if (own === undefined && guesses[i].kind !== 'tokens') return undefined;
      if (input.type === 'bool') throw new UserError(`tokens: input ${input.name} takes switches, no tokens`);
      return planInput(input, guesses[i], own ?? {});
    }),
  );
}

/** Of a model that goes on with texts: places of a prompt that are left over hold no token. */
async function planPrompt(
  { generate, tokens }: ModelConfig & InputConfig,
  { vocabularySize }: NonNullable<ModelInfo['generation']>,
): Promise<TokenPlan> {
  if (tokens !== undefined)
    throw new UserError(
      'tokens: the prompt is described under generate: give vocabulary and promptLength there',
    );
  const language = await readTokenizer((generate as GenerateSettings).vocabulary, vocabularySize);
  return {
    vocabulary: language.tokens,
    special: [NO_TOKEN, ...language.special],
    length: generate?.promptLength,
    ids: { low: NO_TOKEN, high: vocabularySize - 1 },
    tokenizer: language,
    padId: NO_TOKEN,
  };
}

async function planInput(
  input: InputSpec,
  guess: InferredInput,
  settings: TokenSettings,
): Promise<TokenPlan> {
  const high = guess.isFromModel ? guess.range[1] : undefined;
  const size = high === undefined ? Number.POSITIVE_INFINITY : high + 1;
  const language =
    settings.vocabulary === undefined ? undefined : await readTokenizer(settings.vocabulary, size);
  const vocabulary = language?.tokens;
  if (vocabulary !== undefined && high !== undefined && vocabulary.length > high + 1) {
    throw new UserError(
      `tokens: the vocabulary of input ${input.name} has ${vocabulary.length} tokens, and the model looks up ${high + 1}`,
    );
  }
  const last = vocabulary === undefined ? high : vocabulary.length - 1;
  return {
    vocabulary,
    special:
      settings.special?.map((one) => specialTokenId(one, vocabulary, input.name)) ?? language?.special ?? [],
    length: settings.length,
    ids: last === undefined ? undefined : { low: 0, high: last },
    tokenizer: language,
    padId: undefined,
  };
}

function specialTokenId(special: number | string, vocabulary: Vocabulary | undefined, input: string): number {
  if (typeof special === 'number') return special;
  const id = vocabulary?.indexOf(special) ?? -1;
  if (id >= 0) return id;
  const tokens = (vocabulary ?? []).filter((token) => token !== null);
  throw new UserError(
    `tokens: ${special} is not in the vocabulary of input ${input}: ${didYouMean(special, tokens) || 'give special tokens by their ids'}`,
  );
}

/** Words of the dictionaries that are for an input, as ids. */
export async function readDictionaryWords(
  config: MutationConfig,
  inputs: readonly InputSpec[],
  plans: readonly (TokenPlan | undefined)[],
  notes: Notices,
): Promise<(readonly (readonly number[])[])[]> {
  const names = inputs.map(({ name }) => name);
  const { forAll, byName } = groupByInput(config.dictionary, names);
  for (const name of byName.keys()) {
    if (!names.includes(name))
      throw new UserError(`dictionary: the model has no input ${name}: ${suggestName(name, names)}`);
    if (plans[names.indexOf(name)] === undefined)
      throw new UserError(`--dictionary: input ${name} takes no tokens`);
  }
  if (forAll.length > 0 && plans.every((plan) => plan === undefined))
    throw new UserError(
      '--dictionary: no input of the model takes tokens; say which in the campaign file under tokens',
    );
  return Promise.all(
    inputs.map(async ({ name }, i) => {
      const plan = plans[i];
      const own = byName.get(name);
      const paths = own === undefined ? forAll : [own];
      if (plan === undefined) return [];
      const words: number[][] = [];
      for (const path of paths)
        words.push(...encodeWords(await readDictionary(path), plan, path, name, notes));
      return words;
    }),
  );
}

function encodeWords(
  words: readonly string[],
  plan: TokenPlan,
  path: string,
  input: string,
  notes: Notices,
): number[][] {
  const { vocabulary, ids, tokenizer } = plan;
  const idsOf = (word: string): number[] | undefined => {
    if (tokenizer !== undefined) return tokenizer.encode(word);
    const numbers = word.split(/[\s,]+/).map(Number);
    const isLegal = numbers.every(
      (id) => Number.isInteger(id) && id >= (ids?.low ?? 0) && id <= (ids?.high ?? Number.MAX_SAFE_INTEGER),
    );
    return isLegal ? numbers : undefined;
  };
  const known = words.flatMap((word) => {
    const own = idsOf(word);
    return own === undefined ? [] : [own];
  });
  const without = words.find((word) => idsOf(word) === undefined);
  if (known.length === 0) {
    const how =
      vocabulary === undefined
        ? 'write ids a line, or name a vocabulary in the campaign file under tokens'
        : 'its characters are not in the vocabulary';
    throw new UserError(
      `--dictionary: no word of ${path}, such as ${JSON.stringify(without)}, can be put into input ${input}: ${how}`,
    );
  }
  if (without !== undefined) {
    notes.warn(
      `${words.length - known.length} of ${words.length} words of ${path}, such as ${JSON.stringify(without)}, cannot be written in the vocabulary of input ${input} and are left out`,
    );
  }
  return known;
}

/** What mutators know of tokens, once the seeds are read. */
export function tokenDescriptor(
  { special, length, vocabulary, padId }: TokenPlan,
  dictionary: readonly (readonly number[])[],
  seeds: Seeds,
  column: number,
): TokenDescriptor {
  const longest = seeds.reduce((most, { inputs }) => Math.max(most, inputs[column].length), 1);
  return { special, length: length ?? [1, longest], vocabulary, dictionary, pad: padId };
}
