import { decodeUtf8 } from '../core/decode-utf8.ts';
import { UserError } from '../core/errors.ts';
import { MAX_TEXT_BYTES, readBounded } from '../core/read-bounded.ts';
import { splitLines } from '../core/text-lines.ts';

/** A line of an AFL dictionary: `name@level="text"` or `"text"`. */
const AFL_LINE = /^\s*(?:[\w.-]+(?:@\d+)?\s*=\s*)?"(.*)"\s*$/;

const ESCAPE_PATTERN = /\\(x[0-9a-fA-F]{2}|[\\"nrt0])/g;

const ESCAPED_CHARACTERS: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '0': '\0' };

/**
 * Reads the words of a dictionary: plain text with one word per line, or AFL's format with or without names. Lines that
 * begin with `#` are comments.
 *
 * @throws UserError if the file can't be read, is not text or contains no word
 */
export async function readDictionary(path: string): Promise<string[]> {
  const text = decodeText(readBounded(path, 'read the dictionary', MAX_TEXT_BYTES));
  if (text === undefined) {
    throw new UserError(
      `the dictionary ${path} is binary: use UTF-8 text with one word per line, or AFL's format`,
    );
  }
  const lines = splitLines(text, path).filter((line) => line.trim() !== '');
  const words = lines.flatMap((line) => {
    const quoted = AFL_LINE.exec(line)?.[1];
    if (quoted !== undefined) return [unescapeWord(quoted)];
    return line.trimStart().startsWith('#') ? [] : [line.trim()];
  });
  const distinct = [...new Set(words)].filter((word) => word !== '');
  if (distinct.length === 0) throw new UserError(`the dictionary ${path} has no words: write one per line`);
  return distinct;
}

/** Decodes text; undefined for invalid UTF-8 or control characters other than white space, which mark a binary file. */
function decodeText(bytes: Buffer): string | undefined {
  const text = decodeUtf8(bytes);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the pattern is meant to match control characters
  return text === undefined || /[\0-\x08\x0e-\x1f]/.test(text) ? undefined : text;
}

function unescapeWord(text: string): string {
  return text.replace(ESCAPE_PATTERN, (_, code: string) =>
    code.length === 3
      ? String.fromCharCode(Number.parseInt(code.slice(1), 16))
      : (ESCAPED_CHARACTERS[code] ?? code),
  );
}
