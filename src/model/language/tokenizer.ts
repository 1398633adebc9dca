import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { Tokenizer as HuggingFaceTokenizer } from '@huggingface/tokenizers';
import { CODEPOINTS } from '../../config/values.ts';
import { errorMessage, UserError } from '../../core/errors.ts';
import { callWithTimeout } from '../../extensions/plugin-loader.ts';
import {
  codepointVocabulary,
  encoderOf,
  isJsonPath,
  MAX_IDS,
  parseJson,
  readVocabulary,
  readVocabularyText,
  specialIds,
  type Vocabulary,
  vocabularyOf,
} from './vocabulary.ts';

/** Converts between text and a model's token ids. */
export interface Tokenizer {
  /** The text of each id by itself; null for ids without text. */
  readonly tokens: Vocabulary;
  /** Ids of special tokens, such as those that begin and end a sequence. */
  readonly special: readonly number[];
  /** Most tokens that the model it belongs to takes; absent where its files do not say. */
  readonly maxLength?: number;
  /** Equal for equal tokenizers. */
  readonly sha256: string;
  /** The id of a token; undefined if there is none. */
  idOf(token: string): number | undefined;
  /** A text's ids; undefined if it has a character that no token can write. */
  encode(text: string): number[] | undefined;
  /** The text of ids; special tokens are left out. */
  decode(ids: readonly number[]): string;
}

/** Most tokens that a context is believed to have. */
const MAX_CONTEXT = 1 << 24;

/**
 * Reads a tokenizer from disk: a vocabulary as `readVocabulary` takes it, or a Hugging Face `tokenizer.json`. The path
 * `codepoints` stands for Unicode itself.
 *
 * @param size number of tokens for `codepoints`
 * @throws UserError if it cannot be read
 */
export async function readTokenizer(path: string, size = Number.POSITIVE_INFINITY): Promise<Tokenizer> {
  if (path === CODEPOINTS) return makeVocabularyTokenizer(codepointVocabulary(size));
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(path))
    throw new UserError(`vocabularies are only read from disk: download ${path} and name the file`);
  await refuseHubNames(path);
  if (!isJsonPath(path)) return makeVocabularyTokenizer(await readVocabulary(path));
  const json = parseJson(await readVocabularyText(path), path);
  return isHuggingFaceTokenizer(json)
    ? makeHuggingFaceTokenizer(json, path)
    : makeVocabularyTokenizer(vocabularyOf(json, path));
}

/** Refuses names on the Hugging Face Hub, and folders, with a message of its own. */
async function refuseHubNames(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  const given = relative('.', path);
  const isName = found === undefined && /^\w[\w.-]*(?:\/[\w.-]+)?$/.test(given) && !/\.\w{2,5}$/.test(given);
  if (isName)
    throw new UserError(
      `there is no vocabulary ${given} on disk, and neurofuzz downloads none: download its tokenizer.json and name that file`,
    );
  if (found?.isDirectory() === true)
    throw new UserError(`the vocabulary ${path} is a folder: name its tokenizer.json or vocabulary file`);
}

/** A tokenizer of a plain list of tokens, with greedy longest-match encoding. */
export function makeVocabularyTokenizer(tokens: Vocabulary): Tokenizer {
  const special = specialIds(tokens);
  const silent = new Set(special);
  return {
    tokens,
    special,
    sha256: createHash('sha256').update(JSON.stringify(tokens)).digest('hex'),
    idOf(token) {
      const id = tokens.indexOf(token);
      return id < 0 ? undefined : id;
    },
    encode: encoderOf(tokens),
    decode: (ids) => ids.map((id) => (silent.has(id) ? '' : (tokens[id] ?? ''))).join(''),
  };
}

/** Milliseconds that a text may take: a tokenizer's own patterns may be such that they come to no end. */
const ENCODING_LIMIT_MS = 5000;

/**
 * A text's ids, in bounded time.
 *
 * @param where the text, for messages
 * @param limit in ms
 * @throws UserError if the tokenizer fails, or does not come to an end
 */
export function encodeWithinLimit(
  tokenizer: Tokenizer,
  text: string,
  where: string,
  limit = ENCODING_LIMIT_MS,
): number[] | undefined {
  try {
    return callWithTimeout('tokenizer', () => tokenizer.encode(text), limit);
  } catch (error) {
    throw new UserError(
      `${where} cannot be turned into tokens: ${errorMessage(error).replace('plug-in ', '')}; check that it is the vocabulary that the model was trained with`,
    );
  }
}

/** Characters of a text that no token can write, each once. */
export function unencodableCharacters(text: string, tokenizer: Tokenizer): string[] {
  return [...new Set(text)].filter((character) => tokenizer.encode(character) === undefined);
}

function isHuggingFaceTokenizer(json: unknown): json is object {
  return typeof json === 'object' && json !== null && typeof (json as { model?: unknown }).model === 'object';
}

async function makeHuggingFaceTokenizer(json: object, path: string): Promise<Tokenizer> {
  const settings = await readVocabularyText(join(dirname(path), 'tokenizer_config.json')).catch(() => '{}');
  const tokenizerConfig = parseJson(settings, `${path}, its tokenizer_config.json,`) as object;
  let tokenizer: HuggingFaceTokenizer;
  let tokens: (string | null)[];
  let silent: ReadonlySet<number>;
  try {
    tokenizer = new HuggingFaceTokenizer(json, tokenizerConfig);
    const ids = [...tokenizer.get_vocab().values()];
    const size = ids.reduce((max, id) => Math.max(max, id + 1), 0);
    if (size < 2 || size > MAX_IDS) throw new Error(`it has ${size} tokens`);
    tokens = new Array<string | null>(size).fill(null);
    const added = [...tokenizer.get_added_tokens_decoder()];
    silent = new Set(added.flatMap(([id, { special }]) => (special ? [id] : [])));
    for (const id of ids) tokens[id] = silent.has(id) ? null : tokenText(tokenizer, id);
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`the tokenizer ${path} cannot be used: ${errorMessage(error)}`);
  }
  const unknown = unknownIdOf(json, tokenizer);
  return {
    tokens,
    special: [...silent],
    ...maxLengthOf(tokenizerConfig),
    sha256: createHash('sha256').update(JSON.stringify(json)).digest('hex'),
    idOf: (token) => tokenizer.token_to_id(token),
    encode(text) {
      const { ids } = tokenizer.encode(text, { add_special_tokens: false });
      return unknown !== undefined && ids.includes(unknown) ? undefined : ids;
    },
    decode: (ids) =>
      decodeVerbatim(
        tokenizer,
        ids.filter((id) => !silent.has(id)),
      ),
  };
}

/** The model's context; tokenizers of models without one write a number beyond any text. */
function maxLengthOf(tokenizerConfig: object): Pick<Tokenizer, 'maxLength'> {
  const { model_max_length: length } = tokenizerConfig as { model_max_length?: unknown };
  return typeof length === 'number' && length >= 1 && length <= MAX_CONTEXT ? { maxLength: length } : {};
}

/** Decodes without clean-up of spaces, which would hide differences between answers. */
function decodeVerbatim(tokenizer: HuggingFaceTokenizer, ids: number[]): string {
  return ids.length === 0
    ? ''
    : tokenizer.decode(ids, { skip_special_tokens: false, clean_up_tokenization_spaces: false });
}

/** The text that a token adds behind another one: some tokens are written differently at the beginning. */
function tokenText(tokenizer: HuggingFaceTokenizer, id: number): string {
  const twice = decodeVerbatim(tokenizer, [id, id]);
  const once = decodeVerbatim(tokenizer, [id]);
  return twice.startsWith(once) ? twice.slice(once.length) : once;
}

/** The id of the unknown token, which stands for text that no other token can write. */
function unknownIdOf(json: object, tokenizer: HuggingFaceTokenizer): number | undefined {
  const { unk_token: token, unk_id: id } = (json as { model: { unk_token?: unknown; unk_id?: unknown } })
    .model;
  if (typeof id === 'number') return id;
  return typeof token === 'string' ? tokenizer.token_to_id(token) : undefined;
}
