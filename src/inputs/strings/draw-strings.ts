import type { Random } from '../../core/random.ts';

/** What the strings of an input are drawn from. */
export interface DrawnStrings {
  /** Strings that graph and dictionary list. */
  readonly words: readonly string[];
  /** Whether a string is a few words, joined by spaces. */
  readonly areTexts: boolean;
}

/** Most words of a drawn text. */
const MAX_WORDS = 8;

/** Most letters of a string that is drawn where nothing is known. */
const MAX_LETTERS = 8;

/** Draws a string: one that is listed, or for texts a few of those; where none is listed, letters. */
export function drawString({ words, areTexts }: DrawnStrings, random: Random): string {
  if (words.length === 0) {
    const length = 1 + random.below(MAX_LETTERS);
    return Array.from({ length }, () => String.fromCharCode(97 + random.below(26))).join('');
  }
  const count = areTexts ? 1 + random.below(MAX_WORDS) : 1;
  return Array.from({ length: count }, () => words[random.below(words.length)]).join(' ');
}

/** Most code points of a drawn string. */
export function widthOfDrawn({ words, areTexts }: DrawnStrings): number {
  const longest = words.reduce((most, word) => Math.max(most, word.length), MAX_LETTERS);
  return areTexts ? MAX_WORDS * (longest + 1) : longest;
}
