import { ALIKE } from '../../model/language/confusables.ts';
import { oneLetterOff, spelling } from './spelling.ts';

const TABLE: ReadonlyMap<string, string> = (() => {
  const table = new Map<string, string>();
  for (const group of ALIKE)
    for (const letter of group)
      table.set(
        letter,
        [...new Set([...(table.get(letter) ?? ''), ...group])].filter((one) => one !== letter).join(''),
      );
  return table;
})();

/** Letters that a reader does not tell apart, and a model does. */
export const homoglyph = spelling(
  {
    name: 'homoglyph',
    help: 'letters become others that look alike',
    source: 'confusables of Unicode (UTS 39); Boucher et al. 2022',
  },
  (text) => oneLetterOff(text, TABLE),
);
