import { resizeInput } from '../inputs/sizes/size-change.ts';
import type { TestcaseBatch } from '../model/testcase-batch.ts';
import { DTYPES, readNumber } from '../tensor/tensor.ts';
import { editDistance } from './edit-distance.ts';
import { countChangedStrings, countStringEdits } from './string-edits.ts';
import { stripPadding } from './strip-padding.ts';

/** Values up to which an edit distance is computed, whose cost is their square. */
const MAX_EDITED = 4096;

/** Distances between a testcase and its ancestor seed, over all inputs. */
export interface Distance {
  readonly linf: number;
  readonly l2: number;
  readonly l0: number;
  /**
   * Insertions, deletions and substitutions of tokens or of characters; absent unless an input's length differs, it is
   * padded, or it is one of strings.
   */
  readonly edits?: number;
}

/**
 * Measures a testcase's distances from its ancestor. An input that is padded, or whose length differs from the
 * ancestor's, contributes only its edit distance, to `edits` and to `l0`; a large one only by how many values it is longer or
 * shorter. Floating-point values of another size are compared with the ancestor at that size (`resizeInput`), and the number of
 * values by which it is longer or shorter counts in `edits` and `l0`. One of strings contributes its edit distance to
 * `edits` and the number of strings that differ to `l0`.
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
  form.inputs.forEach(({ type, size, shape, isString }, input) => {
    const values = inputs[input];
    let from = ancestor.inputs[input];
    if (isString) {
      const width = shape[shape.length - 1];
      edits = (edits ?? 0) + countStringEdits(values, from, width);
      l0 += countChangedStrings(values, from, width);
      return;
    }
    const pad = pads[input];
    if (values.length !== from.length || pad !== undefined) {
      const isText = DTYPES[type].kind === 'int' && Math.max(values.length, from.length) <= MAX_EDITED;
      const count = isText
        ? editDistance(stripPadding(values, pad), stripPadding(from, pad))
        : Math.abs(values.length - from.length);
      edits = (edits ?? 0) + count;
      l0 += count;
      const resized = pad === undefined ? resizeInput(ancestor.form.inputs[input], from, shape) : undefined;
      if (resized === undefined) return;
      from = resized;
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
