import { UserError } from '../core/errors.ts';
import { escapeControl } from '../core/escape-control.ts';
import { encodeWithinLimit, type Tokenizer, unencodableCharacters } from '../model/language/tokenizer.ts';
import type { SeedFile } from './seed-files.ts';

/** How an input reads text files. */
export interface TextSeedFormat {
  readonly tokenizer: Tokenizer;
  /** Whether a testcase is a line or a whole file; undefined: lines of a named file, whole files of a folder. */
  readonly splitBy: 'lines' | 'files' | undefined;
}

/** Number of unencodable characters that an error message names. */
const MAX_NAMED_CHARACTERS = 5;

/**
 * Encodes the testcases of a text file as token ids.
 *
 * @throws UserError if the vocabulary can't encode a character, or the file has no text
 */
export function tokenizeSeedFile(
  { path, text = '', isInFolder = false }: SeedFile,
  { tokenizer, splitBy }: TextSeedFormat,
): number[][] {
  const isWhole = splitBy === undefined ? isInFolder : splitBy === 'files';
  const prompts = isWhole ? [text.replace(/\r?\n$/, '')] : text.split(/\r?\n/);
  const testcases = prompts.flatMap((prompt, i) => {
    if (prompt === '') return [];
    const where = isWhole ? path : `${path}, line ${i + 1},`;
    const ids = encodeWithinLimit(tokenizer, prompt, where);
    if (ids !== undefined) return ids.length === 0 ? [] : [ids];
    const lacking = unencodableCharacters(prompt, tokenizer)
      .slice(0, MAX_NAMED_CHARACTERS)
      .map(describeCharacter);
    throw new UserError(
      `${where} holds ${lacking.join(', ')}, for which the vocabulary has no token: take it out, or give the vocabulary that the model was made with`,
    );
  });
  if (testcases.length === 0) throw new UserError(`${path} holds no text: write a prompt a line`);
  return testcases;
}

function describeCharacter(character: string): string {
  const code = (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
  return `${escapeControl(JSON.stringify(character))} (U+${code})`;
}
