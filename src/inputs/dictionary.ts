import { readFile } from 'node:fs/promises';
import { fileError, UserError } from '../core/errors.ts';

/** `name@level="text"` or `"text"`, as AFL's dictionaries have them. */
const AFL_LINE = /^\s*(?:[\w.-]+(?:@\d+)?\s*=\s*)?"(.*)"\s*$/;

const ESCAPE_PATTERN = /\\(x[0-9a-fA-F]{2}|[\\"nrt0])/g;

const ESCAPED_CHARACTERS: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '0': '\0' };

/**
 * Reads the words of a dictionary: one a line as it stands, or in AFL's format, with or without names; `#` begins
 * a comment there.
 *
 * @throws UserError where it can't be read, is no text or holds no word
 */
export async function readDictionary(path: string): Promise<string[]> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    throw fileError(error, 'read the dictionary', path);
  }
  const text = decodeText(bytes);
  if (text === undefined) {
    throw new UserError(
      `the dictionary ${path} is binary: give UTF-8 text with a word a line, or AFL's format`,
    );
  }
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '');
  const words = lines.flatMap((line) => {
    const quoted = AFL_LINE.exec(line)?.[1];
    if (quoted !== undefined) return [unescapeWord(quoted)];
    return line.trimStart().startsWith('#') ? [] : [line.trim()];
  });
  const distinct = [...new Set(words)].filter((word) => word !== '');
  if (distinct.length === 0) throw new UserError(`the dictionary ${path} holds no word: write one a line`);
  return distinct;
}

/** Text, or undefined where bytes are none: control characters beside white space do not come up in text. */
function decodeText(bytes: Buffer): string | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
    return /[\0-\x08\x0e-\x1f]/.test(text) ? undefined : text;
  } catch (error) {
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}

function unescapeWord(text: string): string {
  return text.replace(ESCAPE_PATTERN, (_, code: string) =>
    code.length === 3
      ? String.fromCharCode(Number.parseInt(code.slice(1), 16))
      : (ESCAPED_CHARACTERS[code] ?? code),
  );
}
