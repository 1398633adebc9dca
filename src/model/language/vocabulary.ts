import { readFile } from 'node:fs/promises';
import { errorMessage, fileError, UserError } from '../../core/errors.ts';

/** What each id stands for; null where an id stands for nothing. */
export type Vocabulary = readonly (string | null)[];

/** Stands for a vocabulary whose ids are Unicode's. */
export const CODEPOINTS = 'codepoints';

/** Most ids that a vocabulary may have. */
const MAX_IDS = 1 << 21;

/** The first 65,536 characters of Unicode, or as many as there are ids. */
export function codepointVocabulary(ids: number): Vocabulary {
  return Array.from({ length: Math.min(ids, 1 << 16) }, (_, id) => String.fromCharCode(id));
}

/**
 * Reads a vocabulary: a JSON list of tokens, a JSON map of tokens to ids or of ids to tokens, or text with a token
 * a line.
 *
 * @throws UserError where it can't be read or is none of these
 */
export async function readVocabulary(path: string): Promise<Vocabulary> {
  const text = await readVocabularyText(path);
  return isJsonPath(path)
    ? vocabularyOf(parseJson(text, path), path)
    : checkVocabulary(parseLines(text), path);
}

/** Whether a vocabulary's file is JSON, told by its name. */
export function isJsonPath(path: string): boolean {
  return path.toLowerCase().endsWith('.json');
}

/** @throws UserError where a vocabulary's file can't be read or is no UTF-8 */
export async function readVocabularyText(path: string): Promise<string> {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(await readFile(path));
  } catch (error) {
    if (error instanceof TypeError) throw new UserError(`the vocabulary ${path} is no UTF-8 text`);
    throw fileError(error, 'read the vocabulary', path);
  }
}

/** @throws UserError where a vocabulary's text is no JSON */
export function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UserError(`the vocabulary ${path} is no valid JSON: ${errorMessage(error)}`);
  }
}

function checkVocabulary(tokens: Vocabulary, path: string): Vocabulary {
  if (tokens.length < 2)
    throw new UserError(`the vocabulary ${path} holds ${tokens.length} tokens: it needs more`);
  return tokens;
}

function parseLines(text: string): Vocabulary {
  const lines = text.split(/\r?\n/);
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

/**
 * The vocabulary that a JSON value is: a list of tokens, or a map of tokens to ids or of ids to tokens.
 *
 * @throws UserError where it is none
 */
export function vocabularyOf(json: unknown, path: string): Vocabulary {
  if (Array.isArray(json) && json.every((token) => typeof token === 'string' || token === null))
    return checkVocabulary(json, path);
  const entries =
    typeof json === 'object' && json !== null && !Array.isArray(json) ? Object.entries(json) : [];
  const pairs = entries.map(([key, value]): [number, unknown] =>
    typeof value === 'number' ? [value, key] : [Number(key), value],
  );
  const isSound = pairs.every(
    ([id, token]) => Number.isInteger(id) && id >= 0 && id < MAX_IDS && typeof token === 'string',
  );
  if (pairs.length === 0 || !isSound) {
    throw new UserError(
      `the vocabulary ${path} is neither a list of tokens nor a map of tokens to ids: write ["a", "b"] or {"a": 0, "b": 1}`,
    );
  }
  const tokens = new Array<string | null>(pairs.reduce((most, [id]) => Math.max(most, id + 1), 0)).fill(null);
  for (const [id, token] of pairs) tokens[id] = token as string;
  return checkVocabulary(tokens, path);
}

/** How vocabularies write tokens that are no text: [CLS], <s>, <|endoftext|>. */
const SPECIAL_TOKEN = /^(\[[^[\]\s]+\]|<[^<>\s]+>)$/;

/** Ids whose tokens are no text. */
export function specialIds(vocabulary: Vocabulary): number[] {
  return vocabulary.flatMap((token, id) => (token !== null && SPECIAL_TOKEN.test(token) ? [id] : []));
}

/** Writes texts as ids, the longest token that fits at each place; undefined where a character is in no token. */
export function encoderOf(vocabulary: Vocabulary): (text: string) => number[] | undefined {
  const ids = new Map(vocabulary.map((token, id) => [token, id]));
  const longest = vocabulary.reduce((most, token) => Math.max(most, token?.length ?? 0), 0);
  return (text) => {
    const encoded: number[] = [];
    for (let at = 0; at < text.length; ) {
      let length = Math.min(longest, text.length - at);
      while (length > 0 && !ids.has(text.slice(at, at + length))) length--;
      if (length === 0) return undefined;
      encoded.push(ids.get(text.slice(at, at + length)) as number);
      at += length;
    }
    return encoded;
  };
}
