import { errorMessage, UserError } from '../../core/errors.ts';
import { MAX_TEXT_BYTES, readText } from '../../core/read-bounded.ts';

/** The token of each id; null for ids without one. */
export type Vocabulary = readonly (string | null)[];

/** Limit on the ids of a vocabulary. */
export const MAX_IDS = 1 << 21;

/** The characters of the first `ids` code points, at most 65,536. */
export function codepointVocabulary(ids: number): Vocabulary {
  return Array.from({ length: Math.min(ids, 1 << 16) }, (_, id) => String.fromCharCode(id));
}

/**
 * Reads a vocabulary: a JSON list of tokens, a JSON map of tokens to ids or of ids to tokens, or text with one token per
 * line.
 *
 * @throws UserError if it cannot be read or is none of these
 */
export async function readVocabulary(path: string): Promise<Vocabulary> {
  const text = await readVocabularyText(path);
  return isJsonPath(path)
    ? vocabularyOf(parseJson(text, path), path)
    : checkVocabulary(parseLines(text), path);
}

/** Whether a vocabulary's file is JSON, by its extension. */
export function isJsonPath(path: string): boolean {
  return path.toLowerCase().endsWith('.json');
}

/** @throws UserError if a vocabulary's file cannot be read or is not valid UTF-8 */
export async function readVocabularyText(path: string): Promise<string> {
  return readText(path, 'read the vocabulary', MAX_TEXT_BYTES);
}

/** @throws UserError if a vocabulary's text is not JSON */
export function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UserError(`the vocabulary ${path} is not valid JSON: ${errorMessage(error)}`);
  }
}

function checkVocabulary(tokens: Vocabulary, path: string): Vocabulary {
  if (tokens.length < 2)
    throw new UserError(`the vocabulary ${path} holds ${tokens.length} tokens, which is too few`);
  return tokens;
}

function parseLines(text: string): Vocabulary {
  const lines = text.split(/\r?\n/);
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

/**
 * Reads a vocabulary from a JSON value: a list of tokens, or a map of tokens to ids or of ids to tokens.
 *
 * @throws UserError if it is neither
 */
export function vocabularyOf(json: unknown, path: string): Vocabulary {
  if (Array.isArray(json) && json.every((token) => typeof token === 'string' || token === null))
    return checkVocabulary(json, path);
  const entries =
    typeof json === 'object' && json !== null && !Array.isArray(json) ? Object.entries(json) : [];
  const pairs = entries.map(([key, value]): [number, unknown] =>
    typeof value === 'number' ? [value, key] : [Number(key), value],
  );
  if (pairs.length === 0 || !pairs.every(isTokenEntry)) {
    throw new UserError(
      `the vocabulary ${path} is neither a list of tokens nor a map of tokens to ids: write ["a", "b"] or {"a": 0, "b": 1}`,
    );
  }
  const size = pairs.reduce((max, [id]) => Math.max(max, id + 1), 0);
  const tokens = new Array<string | null>(size).fill(null);
  for (const [id, token] of pairs) tokens[id] = token;
  return checkVocabulary(tokens, path);
}

function isTokenEntry(entry: readonly [id: number, token: unknown]): entry is [id: number, token: string] {
  const [id, token] = entry;
  return Number.isInteger(id) && id >= 0 && id < MAX_IDS && typeof token === 'string';
}

/** Spelling of special tokens: [CLS], <s>, <|endoftext|>. */
const SPECIAL_TOKEN = /^(\[[^[\]\s]+\]|<[^<>\s]+>)$/;

/** Ids of special tokens, which stand for no text. */
export function specialIds(vocabulary: Vocabulary): number[] {
  return vocabulary.flatMap((token, id) => (token !== null && SPECIAL_TOKEN.test(token) ? [id] : []));
}

/** A greedy longest-match encoder from text to ids; it gives undefined for a text with a character that no token has. */
export function encoderOf(vocabulary: Vocabulary): (text: string) => number[] | undefined {
  const ids = new Map(vocabulary.map((token, id) => [token, id]));
  const maxLength = vocabulary.reduce((max, token) => Math.max(max, token?.length ?? 0), 0);
  return (text) => {
    const encoded: number[] = [];
    for (let at = 0; at < text.length; ) {
      let length = Math.min(maxLength, text.length - at);
      let id: number | undefined;
      while (length > 0) {
        id = ids.get(text.slice(at, at + length));
        if (id !== undefined) break;
        length--;
      }
      if (id === undefined) return undefined;
      encoded.push(id);
      at += length;
    }
    return encoded;
  };
}
