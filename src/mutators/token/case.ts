import { makeSpellingMutator } from './spelling.ts';

/** Swaps between lower and upper case. */
export const letterCase = makeSpellingMutator(
  {
    name: 'case',
    help: 'changes letters to capitals or small letters',
    source: 'case changes of CheckList (Ribeiro et al. 2020)',
  },
  (text) => {
    const first = text.search(/\p{L}/u);
    const swapped =
      first < 0 ? text : text.slice(0, first) + swapCase(text.charAt(first)) + text.slice(first + 1);
    return [...new Set([text.toUpperCase(), text.toLowerCase(), swapped])].filter((other) => other !== text);
  },
);

function swapCase(letter: string): string {
  return letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase();
}
