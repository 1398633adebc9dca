import { UserError } from './errors.ts';

/** Most bytes of a line of a text file: a longer one is no prompt or word, and what a model holds grows with its square. */
export const MAX_LINE_BYTES = 64 << 10;

/**
 * The lines of a text.
 *
 * @throws UserError where one is longer than `MAX_LINE_BYTES`
 */
export function splitLines(text: string, path: string): string[] {
  const lines = text.split(/\r?\n/);
  lines.forEach((line, i) => {
    checkLength(line, `${path}:${i + 1}`);
  });
  return lines;
}

/** @throws UserError where a text is longer than a line may be */
export function checkLength(text: string, where: string, most = MAX_LINE_BYTES): void {
  // A UTF-16 unit is at most three bytes.
  if (3 * text.length <= most) return;
  const bytes = Buffer.byteLength(text);
  if (bytes > most)
    throw new UserError(`${where} is ${bytes} bytes long, and the limit is ${most}: shorten it, or split it`);
}
