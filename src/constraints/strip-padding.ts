import type { TensorData } from '../tensor/tensor.ts';

/** Token ids without the padding at their end: a view. */
export function stripPadding(values: TensorData, pad: number | undefined): TensorData {
  if (pad === undefined) return values;
  let { length } = values;
  while (length > 0 && Number(values[length - 1]) === pad) length--;
  return values.subarray(0, length);
}
