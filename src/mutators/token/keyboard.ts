import { makeSpellingMutator, replaceOneLetter } from './spelling.ts';

/** Rows of a keyboard, each key half a key to the right of the one above. */
const KEY_ROWS = ['1234567890', 'qwertyuiop', 'asdfghjkl;', 'zxcvbnm,./'] as const;

/** The keys around each key. */
const KEY_NEIGHBOURS: ReadonlyMap<string, string> = (() => {
  const table = new Map<string, string>();
  KEY_ROWS.forEach((row, y) => {
    [...row].forEach((key, x) => {
      const near = [
        row[x - 1],
        row[x + 1],
        KEY_ROWS[y - 1]?.[x],
        KEY_ROWS[y - 1]?.[x + 1],
        KEY_ROWS[y + 1]?.[x - 1],
        KEY_ROWS[y + 1]?.[x],
      ];
      const keys = near.filter((other) => other !== undefined).join('');
      table.set(key, keys);
      if (key.toUpperCase() !== key) table.set(key.toUpperCase(), keys.toUpperCase());
    });
  });
  return table;
})();

/** Typing errors: a letter becomes a neighbour on the keyboard. */
export const keyboard = makeSpellingMutator(
  {
    name: 'keyboard',
    help: 'replaces letters by their neighbours on a keyboard',
    source: 'keyboard typos of Belinkov & Bisk 2018',
  },
  (text) => replaceOneLetter(text, KEY_NEIGHBOURS),
);
