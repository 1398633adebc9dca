import { CONFUSABLES } from '../../model/language/confusables.ts';
import { makeSpellingMutator, replaceOneLetter } from './spelling.ts';

const LOOKALIKES: ReadonlyMap<string, string> = (() => {
  const table = new Map<string, string>();
  for (const group of CONFUSABLES)
    for (const letter of group)
      table.set(
        letter,
        [...new Set([...(table.get(letter) ?? ''), ...group])].filter((one) => one !== letter).join(''),
      );
  return table;
})();

/** Letters that a reader does not tell apart, and a model does. */
export const homoglyph = makeSpellingMutator(
  {
    name: 'homoglyph',
    help: 'letters become others that look alike',
    source: 'confusables of Unicode (UTS 39); Boucher et al. 2022',
  },
  (text) => replaceOneLetter(text, LOOKALIKES),
);
