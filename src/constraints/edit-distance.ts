import { distance as levenshtein } from 'fastest-levenshtein';

/** Levenshtein distance between two sequences of token ids: insertions, deletions and substitutions. */
export function editDistance(a: ArrayLike<number | bigint>, b: ArrayLike<number | bigint>): number {
  // The library compares strings: encode each distinct id as a character.
  const characters = new Map<string, string>();
  const encode = (values: ArrayLike<number | bigint>): string =>
    Array.from(values, (value) => {
      const key = String(value);
      const known = characters.get(key);
      if (known !== undefined) return known;
      const character = String.fromCharCode(characters.size + 1);
      characters.set(key, character);
      return character;
    }).join('');
  return levenshtein(encode(a), encode(b));
}
