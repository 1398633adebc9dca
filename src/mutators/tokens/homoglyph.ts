import { oneLetterOff, spelling } from './spelling.ts';

/** Letters that look alike: from Unicode's confusables.txt (UTS 39), Latin, Greek, Cyrillic, digits and signs. */
const ALIKE = [
  'aаα',
  'AАΑ4',
  'bЬ',
  'BВΒ8',
  'cсϲ',
  'CСϹ',
  'dԁ',
  'eеҽ',
  'EЕΕ3',
  'gɡ9',
  'hһ',
  'HНΗ',
  'iіı1l',
  'IІΙlL1|',
  'jј',
  'JЈ',
  'kκ',
  'KКΚ',
  'lIі1|',
  'mм',
  'MМΜ',
  'nո',
  'NΝ',
  'oоο0',
  'OОΟ0',
  'pрρ',
  'PРΡ',
  'qԛ',
  'sѕ5',
  'SЅ5',
  'TТΤ',
  'uυս',
  'vνѵ',
  'wԝ',
  'xхχ',
  'XХΧ',
  'yуγ',
  'YΥҮ',
  'zᴢ2',
  'ZΖ2',
  '0OoОо',
  '1lI|',
  '-‐–—',
  "'’‘`",
  '"“”',
  '.․',
  ',‚',
  ' \u00a0\u2009',
] as const;

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
