import { DTYPES, makeData } from '../tensor/tensor.ts';
import type { NamedTensor } from './model.ts';

/** In place of an index: a class that the reference does not have. */
const UNKNOWN_CLASS = -1;

/**
 * The second model's output in the order of the reference's classes: indices of classes are renumbered, and scores are
 * moved. A tensor whose classes are not known, or whose scores are of other classes, is left as it is.
 *
 * @param names of the second model's classes
 * @param reference names of the reference's classes
 */
export function alignClasses(
  tensor: NamedTensor,
  names: readonly string[] | undefined,
  reference: readonly string[] | undefined,
): NamedTensor {
  if (names === undefined || reference === undefined || names.join('\0') === reference.join('\0'))
    return tensor;
  const { type, shape, data } = tensor;
  if (DTYPES[type].kind !== 'float') {
    const indices = names.map((name) => reference.indexOf(name));
    const renumbered = makeData('int32', data.length);
    for (let i = 0; i < data.length; i++) renumbered[i] = indices[Number(data[i])] ?? UNKNOWN_CLASS;
    return { ...tensor, type: 'int32', data: renumbered };
  }
  const count = reference.length;
  const sources = reference.map((name) => names.indexOf(name));
  if (names.length !== count || sources.includes(-1) || shape.at(-1) !== count) return tensor;
  const moved = makeData(type, data.length);
  for (let i = 0; i < data.length; i++) moved[i] = data[i - (i % count) + sources[i % count]];
  return { ...tensor, data: moved };
}
