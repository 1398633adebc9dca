import { codePointsOf, decodeStrings } from '../tensor/strings.ts';
import type { TensorData } from '../tensor/tensor.ts';
import { editDistance } from './edit-distance.ts';

/**
 * Insertions, deletions and substitutions of characters in all strings of an input.
 *
 * @param width code points of a string, the same in both
 */
export function countStringEdits(values: TensorData, from: TensorData, width: number): number {
  return sumOverStrings(values, from, width, (text, other) =>
    text === other ? 0 : editDistance(codePointsOf(text), codePointsOf(other)),
  );
}

/** Number of strings of an input that differ. */
export function countChangedStrings(values: TensorData, from: TensorData, width: number): number {
  return sumOverStrings(values, from, width, (text, other) => (text === other ? 0 : 1));
}

function sumOverStrings(
  values: TensorData,
  from: TensorData,
  width: number,
  measure: (text: string, other: string) => number,
): number {
  const others = decodeStrings(from, width);
  return decodeStrings(values, width).reduce((sum, text, i) => sum + measure(text, others[i]), 0);
}
