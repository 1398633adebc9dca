/**
 * Characters that a terminal or an HTML page interprets, hides or reorders: control and format characters
 * (bidirectional marks, zero-width spaces), line and paragraph separators, private-use characters and unpaired
 * surrogates.
 */
const CONTROL_CHARACTERS = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]/gu;

const SHORT_ESCAPES: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** Makes untrusted text safe to print: one line, with control and invisible characters as `\n` or `\u{1B}`. */
export function escapeControl(text: string): string {
  return text.replace(
    CONTROL_CHARACTERS,
    (character) =>
      SHORT_ESCAPES[character] ?? `\\u{${(character.codePointAt(0) ?? 0).toString(16).toUpperCase()}}`,
  );
}

/** Escaped text in quotation marks; the middle of a text of more than `maxCharacters` is left out. */
export function quoteEscaped(text: string, maxCharacters = 60): string {
  const characters = [...text];
  if (characters.length <= maxCharacters) return `"${escapeControl(text)}"`;
  const half = maxCharacters >> 1;
  return `"${escapeControl(characters.slice(0, half).join(''))} … ${escapeControl(characters.slice(-half).join(''))}"`;
}

/**
 * Writes the characters that `escapeControl` is about as JSON's own escapes, so that parsers read the same.
 *
 * @param json JSON text; line feeds between values stay
 */
export function escapeControlInJson(json: string): string {
  return json.replace(CONTROL_CHARACTERS, (character) =>
    character === '\n' ? character : character.replace(/[\s\S]/g, jsonEscape),
  );
}

/** @param unit a UTF-16 code unit */
function jsonEscape(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** Escapes text of many lines, such as a page: line feeds stay. */
export function escapeControlInLines(text: string): string {
  return text.replace(CONTROL_CHARACTERS, (character) =>
    character === '\n' ? character : escapeControl(character),
  );
}

/** Whether a text holds a character that `escapeControl` escapes. */
export function hasControl(text: string): boolean {
  return text.search(CONTROL_CHARACTERS) >= 0;
}
