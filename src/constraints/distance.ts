import { distance as levenshtein } from 'fastest-levenshtein';
import type { TestcaseBatch } from '../model/testcase-batch.ts';
import { readNumber } from '../tensor/tensor.ts';
import { stripPadding } from './edit-distance.ts';

/** How far a testcase lies from its ancestor seed, over all inputs. */
export interface Distance {
  readonly linf: number;
  readonly l2: number;
  readonly l0: number;
  /** Insertions, deletions and substitutions of tokens, where an input's length differs from its ancestor's, or may. */
  readonly edits?: number;
}

/**
 * Distances between a testcase and its ancestor, each input's values taken together. An input whose length
 * differs from its ancestor's counts by its edits alone, which count in L0 as well; so does one whose places may hold no
 * token.
 *
 * @param pads of each input, the id of places that hold no token; undefined where there are none
 */
export function measureDistance(
  { form, inputs }: TestcaseBatch,
  ancestor: TestcaseBatch,
  pads: readonly (number | undefined)[] = [],
): Distance {
  let linf = 0;
  let squares = 0;
  let l0 = 0;
  let edits: number | undefined;
  form.inputs.forEach(({ type, size }, input) => {
    const [values, from] = [inputs[input], ancestor.inputs[input]];
    const pad = pads[input];
    if (values.length !== from.length || pad !== undefined) {
      const count = editDistance(stripPadding(values, pad), stripPadding(from, pad));
      edits = (edits ?? 0) + count;
      l0 += count;
      return;
    }
    for (let i = 0; i < size; i++) {
      const far = Math.abs(readNumber(type, values, i) - readNumber(type, from, i));
      if (far === 0) continue;
      l0++;
      squares += far * far;
      if (far > linf) linf = far;
    }
  });
  return { linf, l2: Math.sqrt(squares), l0, ...(edits === undefined ? {} : { edits }) };
}

/** Levenshtein distance between two sequences of whole numbers. */
export function editDistance(
  a: ArrayLike<number> | ArrayLike<bigint>,
  b: ArrayLike<number> | ArrayLike<bigint>,
): number {
  // The library compares strings: each number that comes up gets a letter of its own.
  const letters = new Map<string, string>();
  const text = (values: ArrayLike<number> | ArrayLike<bigint>): string =>
    Array.from(values as ArrayLike<number>, (value) => {
      const key = String(value);
      const known = letters.get(key);
      if (known !== undefined) return known;
      const letter = String.fromCharCode(letters.size + 1);
      letters.set(key, letter);
      return letter;
    }).join('');
  return levenshtein(text(a), text(b));
}
