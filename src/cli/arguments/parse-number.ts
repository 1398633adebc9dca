import { UserError } from '../../core/errors.ts';

/**
 * Parses the number that a flag gives.
 *
 * @param legal which numbers are legal, for the message
 * @throws UserError on text that is no legal number
 */
export function parseNumber(
  flag: string,
  text: string,
  legal: string,
  isLegal: (x: number) => boolean,
): number {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (isLegal(value)) return value;
  throw new UserError(`${flag} must be a number, ${legal}, not '${text}'`);
}

/** Parses a whole number. @throws UserError on another one, or one below `min` */
export function parseWhole(flag: string, text: string, min: number): number {
  return parseNumber(
    flag,
    text,
    `whole and at least ${min}`,
    (value) => Number.isInteger(value) && value >= min,
  );
}
