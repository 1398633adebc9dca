import type { TestcaseBatch } from '../model/batched-model.ts';
import { readNumber } from '../tensor/tensor.ts';
import { editDistance } from './edit-distance.ts';
import { stripPadding } from './strip-padding.ts';

/** Distances between a testcase and its ancestor seed, over all inputs. */
export interface Distance {
  readonly linf: number;
  readonly l2: number;
  readonly l0: number;
  /** Insertions, deletions and substitutions of tokens; absent unless an input's length differs or it is padded. */
  readonly edits?: number;
}

/**
 * Measures a testcase's distances from its ancestor. An input that is padded, or whose length differs from the ancestor's,
 * contributes only its edit distance, to `edits` and to `l0`.
 *
 * @param pads padding token id of each input; undefined if it has none
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
      const difference = Math.abs(readNumber(type, values, i) - readNumber(type, from, i));
      if (difference === 0) continue;
      l0++;
      squares += difference * difference;
      if (difference > linf) linf = difference;
    }
  });
  return { linf, l2: Math.sqrt(squares), l0, ...(edits === undefined ? {} : { edits }) };
}
