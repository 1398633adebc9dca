import { CONFUSABLES } from '../../model/language/confusables.ts';
import { makeSpellingMutator, replaceOneLetter } from './spelling.ts';

const LOOKALIKES: ReadonlyMap<string, string> = (() => {
  const table = new Map<string, string>();
  for (const group of CONFUSABLES)
    for (const letter of group)
      table.set(
        letter,
        [...new Set([...(table.get(letter) ?? ''), ...group])]
          .filter((lookalike) => lookalike !== letter)
          .join(''),
      );
  return table;
})();

/** Replaces letters by others that look alike to a reader and differ to a model. */
export const homoglyph = makeSpellingMutator(
  {
    name: 'homoglyph',
    help: 'replaces letters by others that look alike',
    source: 'confusables of Unicode (UTS 39); Boucher et al. 2022',
  },
  (text) => replaceOneLetter(text, LOOKALIKES),
);
