import type { InputSpec } from '../model/model.ts';
import { DTYPES } from '../tensor/tensor.ts';
import { looksLikeImage } from './image.ts';

/** Kind of an input, guessed from its name, type and shape. */
export type InputKind =
  | 'image'
  | 'tokens'
  | 'mask'
  | 'sequence'
  | 'features'
  | 'flag'
  | 'number'
  | 'array'
  | 'strings';

const MASK_NAME_PATTERN = /mask/i;
const TOKENS_NAME_PATTERN = /token|input_?ids|ids$|word|text|position|segment|type_?ids/i;

/** @param input without the batch dimension */
export function inferInputKind({ name, type, shape, strings }: InputSpec): InputKind {
  if (strings !== undefined) return 'strings';
  const { kind } = DTYPES[type];
  if (MASK_NAME_PATTERN.test(name) && kind !== 'float') return 'mask';
  if (kind === 'bool') return 'flag';
  if (shape.length === 0) return 'number';
  const isIdType = type === 'int64' || type === 'int32';
  if (isIdType && shape.length <= 2 && (TOKENS_NAME_PATTERN.test(name) || shape.includes(null)))
    return 'tokens';
  if (looksLikeImage(shape) && !(isIdType && shape.length === 2)) return 'image';
  if (shape.length === 1) return 'features';
  return shape.length === 2 && kind === 'float' ? 'sequence' : 'array';
}
