import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { Tokenizer as HuggingFaceTokenizer } from '@huggingface/tokenizers';
import { errorMessage, UserError } from '../../core/errors.ts';
import {
  CODEPOINTS,
  codepointVocabulary,
  encoderOf,
  isJsonPath,
  parseJson,
  readVocabulary,
  readVocabularyText,
  specialIds,
  type Vocabulary,
  vocabularyOf,
} from './vocabulary.ts';

/** What stands between texts and a model's token ids. */
export interface Tokenizer {
  /** What each id stands for by itself; null where it stands for no text. */
  readonly tokens: Vocabulary;
  /** Ids whose tokens are no text, such as those that begin and end a sequence. */
  readonly special: readonly number[];
  /** Tells whether two languages are the same. */
  readonly sha256: string;
  /** The id of a token by its name; undefined where there is none. */
  idOf(token: string): number | undefined;
  /** A text's ids; undefined where it holds what no token writes. */
  encode(text: string): number[] | undefined;
  /** The text of some ids; those of special tokens are none. */
  decode(ids: readonly number[]): string;
}

/**
 * Reads a language from disk: a vocabulary as `readVocabulary` takes it, a `tokenizer.json` of Hugging Face, or Unicode
 * itself where it is called `codepoints`.
 *
 * @param size tokens that the model knows, where that decides
 * @throws UserError where it can't be read
 */
export async function readTokenizer(path: string, size = Number.POSITIVE_INFINITY): Promise<Tokenizer> {
  if (path === CODEPOINTS) return makeVocabularyTokenizer(codepointVocabulary(size));
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(path))
    throw new UserError(`vocabularies are read from disk alone: download ${path} and name the file`);
  await refuseHubNames(path);
  if (!isJsonPath(path)) return makeVocabularyTokenizer(await readVocabulary(path));
  const json = parseJson(await readVocabularyText(path), path);
  return isHuggingFaceTokenizer(json)
    ? makeHuggingFaceTokenizer(json, path)
    : makeVocabularyTokenizer(vocabularyOf(json, path));
}

/** A tokenizer's name on a server says where to get it, and is no file. */
async function refuseHubNames(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  const given = relative('.', path);
  const isName = found === undefined && /^\w[\w.-]*(?:\/[\w.-]+)?$/.test(given) && !/\.\w{2,5}$/.test(given);
  if (isName)
    throw new UserError(
      `there is no vocabulary ${given} on disk, and none is fetched from elsewhere: download its tokenizer.json and name that`,
    );
  if (found?.isDirectory() === true)
    throw new UserError(`the vocabulary ${path} is a folder: name its tokenizer.json or vocabulary file`);
}

/** The language of a plain list of tokens, in which the longest that fits is taken at each place. */
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

/** Characters of a text that no token writes, each once. */
export function unencodableCharacters(text: string, language: Tokenizer): string[] {
  return [...new Set(text)].filter((character) => language.encode(character) === undefined);
}

function isHuggingFaceTokenizer(json: unknown): json is object {
  return typeof json === 'object' && json !== null && typeof (json as { model?: unknown }).model === 'object';
}

/** Ids of a vocabulary beyond which it is taken to be damaged. */
const MAX_IDS = 1 << 21;

async function makeHuggingFaceTokenizer(json: object, path: string): Promise<Tokenizer> {
  const settings = await readFile(join(dirname(path), 'tokenizer_config.json'), 'utf8').catch(() => '{}');
  let made: HuggingFaceTokenizer;
  let tokens: (string | null)[];
  let silent: ReadonlySet<number>;
  try {
    made = new HuggingFaceTokenizer(
      json,
      parseJson(settings, `${path}, its tokenizer_config.json,`) as object,
    );
    const ids = [...made.get_vocab().values()];
    const size = ids.reduce((most, id) => Math.max(most, id + 1), 0);
    if (size < 2 || size > MAX_IDS) throw new Error(`it has ${size} tokens`);
    tokens = new Array<string | null>(size).fill(null);
    const added = [...made.get_added_tokens_decoder()];
    silent = new Set(added.flatMap(([id, { special }]) => (special ? [id] : [])));
    for (const id of ids) tokens[id] = silent.has(id) ? null : tokenText(made, id);
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`the tokenizer ${path} cannot be used: ${errorMessage(error)}`);
  }
  const unknown = unknownIdOf(json, made);
  return {
    tokens,
    special: [...silent],
    sha256: createHash('sha256').update(JSON.stringify(json)).digest('hex'),
    idOf: (token) => made.token_to_id(token),
    encode(text) {
      const { ids } = made.encode(text, { add_special_tokens: false });
      return unknown !== undefined && ids.includes(unknown) ? undefined : ids;
    },
    decode: (ids) =>
      decodeVerbatim(
        made,
        ids.filter((id) => !silent.has(id)),
      ),
  };
}

/** Text of ids without any tidying up, which would hide what the model said. */
function decodeVerbatim(made: HuggingFaceTokenizer, ids: number[]): string {
  return ids.length === 0
    ? ''
    : made.decode(ids, { skip_special_tokens: false, clean_up_tokenization_spaces: false });
}

/** What one token adds to a text: some are written otherwise at the beginning. */
function tokenText(made: HuggingFaceTokenizer, id: number): string {
  const twice = decodeVerbatim(made, [id, id]);
  const once = decodeVerbatim(made, [id]);
  return twice.startsWith(once) ? twice.slice(once.length) : once;
}

/** The id that stands for whatever no other token writes. */
function unknownIdOf(json: object, made: HuggingFaceTokenizer): number | undefined {
  const { unk_token: token, unk_id: id } = (json as { model: { unk_token?: unknown; unk_id?: unknown } })
    .model;
  if (typeof id === 'number') return id;
  return typeof token === 'string' ? made.token_to_id(token) : undefined;
}
