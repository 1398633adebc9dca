/**
 * Characters that a terminal or a page would obey, hide or show otherwise than they stand in the text: controls, marks
 * that turn the direction of writing, spaces without width, private ones and halves of pairs.
 */
const CONTROL_CHARACTERS = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]/gu;

const SHORT_ESCAPES: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** A text of strangers as people may see it anywhere: on one line, with what would act or hide written out. */
export function escapeControl(text: string): string {
  return text.replace(
    CONTROL_CHARACTERS,
    (character) =>
      SHORT_ESCAPES[character] ?? `\\u{${(character.codePointAt(0) as number).toString(16).toUpperCase()}}`,
  );
}

/** The same in quotation marks, the middle left out where it is longer than `most` characters. */
export function quoteEscaped(text: string, most = 60): string {
  const characters = [...text];
  if (characters.length <= most) return `"${escapeControl(text)}"`;
  const half = most >> 1;
  return `"${escapeControl(characters.slice(0, half).join(''))} … ${escapeControl(characters.slice(-half).join(''))}"`;
}
