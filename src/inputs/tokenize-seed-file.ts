import { UserError } from '../core/errors.ts';
import { escapeControl } from '../core/escape-control.ts';
import { checkLength, MAX_LINE_BYTES } from '../core/text-lines.ts';
import { encodeWithinLimit, type Tokenizer, unencodableCharacters } from '../model/language/tokenizer.ts';
import type { SeedFile } from './seed-files.ts';

/** How an input reads text files. */
export interface TextSeedFormat {
  readonly tokenizer: Tokenizer;
  /** Whether a testcase is a line or a whole file; undefined: lines of a named file, whole files of a folder. */
  readonly splitBy: 'lines' | 'files' | undefined;
  /** Most tokens that the model takes, where its input says so. */
  readonly maxTokens?: number | undefined;
}

/** Bytes a token that no text has on average: English has four. */
const MAX_BYTES_PER_TOKEN = 16;

/** Most bytes of a text that is encoded to see how many tokens it has. */
const MAX_CONTEXT_BYTES = 4 << 20;

/** Bytes of a text that is longer than a context of so many tokens, whatever its tokens are. */
function maxContextBytes(tokens: number): number {
  return Math.max(MAX_LINE_BYTES, Math.min(MAX_CONTEXT_BYTES, MAX_BYTES_PER_TOKEN * tokens));
}

/** Number of unencodable characters that an error message names. */
const MAX_NAMED_CHARACTERS = 5;

/**
 * Encodes the testcases of a text file as token ids.
 *
 * @throws UserError if the vocabulary can't encode a character, a text is longer than the model takes or, where that is not
 *   known, than 64 kB, or the file has no text
 */
export function tokenizeSeedFile(
  { path, text = '', isInFolder = false }: SeedFile,
  { tokenizer, splitBy, maxTokens }: TextSeedFormat,
): number[][] {
  const isWhole = splitBy === undefined ? isInFolder : splitBy === 'files';
  const prompts = isWhole ? [text.replace(/\r?\n$/, '')] : text.split(/\r?\n/);
  const unlimited = Number.POSITIVE_INFINITY;
  const most = Math.min(maxTokens ?? unlimited, tokenizer.maxLength ?? unlimited);
  const maxBytes = most === unlimited ? MAX_LINE_BYTES : maxContextBytes(most);
  const testcases = prompts.flatMap((prompt, i) => {
    if (prompt === '') return [];
    const place = isWhole ? path : `${path}:${i + 1}`;
    // Before it is encoded, for which memory and time grow faster than its length.
    checkLength(prompt, place, maxBytes);
    const where = isWhole ? path : `${path}, line ${i + 1},`;
    const ids = encodeWithinLimit(tokenizer, prompt, where);
    if (ids !== undefined && ids.length > most)
      throw new UserError(`${place} is ${ids.length} tokens long, and the model takes ${most}: shorten it`);
    if (ids !== undefined) return ids.length === 0 ? [] : [ids];
    const lacking = unencodableCharacters(prompt, tokenizer)
      .slice(0, MAX_NAMED_CHARACTERS)
      .map(describeCharacter);
    throw new UserError(
      `${where} holds ${lacking.join(', ')}, for which the vocabulary has no token: remove it, or use the vocabulary that the model was trained with`,
    );
  });
  if (testcases.length === 0) throw new UserError(`${path} has no text: write one prompt per line`);
  return testcases;
}

function describeCharacter(character: string): string {
  const code = (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
  return `${escapeControl(JSON.stringify(character))} (U+${code})`;
}
