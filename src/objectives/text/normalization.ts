import { CONFUSABLES } from '../../model/language/confusables.ts';

export const FOLDS = ['none', 'case', 'homoglyphs'] as const;

/** Differences between letters that matching ignores: none, case, or also homoglyphs (letters that look alike). */
export type Fold = (typeof FOLDS)[number];

/** A folded text with a map of its positions to the original. */
export interface FoldedText {
  readonly text: string;
  /** Per UTF-16 unit of the folded text, start and end of its character in the original. */
  readonly starts: readonly number[];
  readonly ends: readonly number[];
}

/** Representative letter of each homoglyph class, by lower-case letter; groups that share a letter are united (union-find). */
const REPRESENTATIVES: ReadonlyMap<string, string> = (() => {
  const root = new Map<string, string>();
  const find = (letter: string): string => {
    const parent = root.get(letter) ?? letter;
    return parent === letter ? letter : find(parent);
  };
  for (const [first, ...others] of CONFUSABLES.map((group) => [...group]))
    for (const letter of [first, ...others].map((member) => member.toLowerCase()))
      root.set(find(letter), find(first.toLowerCase()));
  return new Map([...root.keys()].map((letter) => [letter, find(letter)]));
})();

/** Folds a text letter by letter. */
export function foldText(text: string, fold: Fold): FoldedText {
  if (fold === 'none') {
    const starts = Array.from({ length: text.length }, (_, i) => i);
    return { text, starts, ends: starts.map((start) => start + 1) };
  }
  let out = '';
  const starts: number[] = [];
  const ends: number[] = [];
  let at = 0;
  for (const letter of text) {
    const folded = fold === 'case' ? letter.toLowerCase() : foldConfusables(letter);
    for (let i = 0; i < folded.length; i++) {
      starts.push(at);
      ends.push(at + letter.length);
    }
    out += folded;
    at += letter.length;
  }
  return { text: out, starts, ends };
}

function foldConfusables(letter: string): string {
  // NFKD splits compatibility forms (full-width, superscript, ligatures) and separates the marks that are then removed.
  const plain = letter.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();
  return [...plain].map((character) => REPRESENTATIVES.get(character) ?? character).join('');
}
