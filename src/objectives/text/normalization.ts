import { CONFUSABLES } from '../../model/language/confusables.ts';

export const FOLDS = ['none', 'case', 'homoglyphs'] as const;

/** What of letters does not matter: nothing, whether they are capital, or also which of those that look alike they are. */
export type Fold = (typeof FOLDS)[number];

/** A text in which alike letters are equal, and where each of its letters stands in the original. */
export interface FoldedText {
  readonly text: string;
  /** Of each unit of the folded text where its character begins and ends in the original. */
  readonly starts: readonly number[];
  readonly ends: readonly number[];
}

/** The letter that stands for all that look like it, small and capital. */
const REPRESENTATIVES: ReadonlyMap<string, string> = (() => {
  const root = new Map<string, string>();
  const find = (letter: string): string => {
    const above = root.get(letter) ?? letter;
    return above === letter ? letter : find(above);
  };
  for (const [first, ...others] of CONFUSABLES.map((group) => [...group]))
    for (const letter of [first, ...others].map((one) => one.toLowerCase()))
      root.set(find(letter), find(first.toLowerCase()));
  return new Map([...root.keys()].map((letter) => [letter, find(letter)]));
})();

/** Folds a text, letter by letter. */
export function foldText(text: string, fold: Fold): FoldedText {
  if (fold === 'none') {
    const places = Array.from({ length: text.length }, (_, i) => i);
    return { text, starts: places, ends: places.map((place) => place + 1) };
  }
  let out = '';
  const [from, to]: [number[], number[]] = [[], []];
  let at = 0;
  for (const letter of text) {
    const plain = fold === 'case' ? letter.toLowerCase() : foldConfusables(letter);
    for (let i = 0; i < plain.length; i++) {
      from.push(at);
      to.push(at + letter.length);
    }
    out += plain;
    at += letter.length;
  }
  return { text: out, starts: from, ends: to };
}

function foldConfusables(letter: string): string {
  // Wide, raised and joined forms of a letter first; marks on it last.
  const plain = letter.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();
  return [...plain].map((one) => REPRESENTATIVES.get(one) ?? one).join('');
}
