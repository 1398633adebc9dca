import type { InputSpec } from '../model/model.ts';
import { DTYPES } from '../tensor/tensor.ts';
import { looksLikeImage } from './image.ts';

/** What an input looks like, told by its name, type and shape. */
export type InputKind = 'image' | 'tokens' | 'mask' | 'sequence' | 'features' | 'flag' | 'number' | 'array';

const MASK_NAME_PATTERN = /mask/i;
const TOKENS_NAME_PATTERN = /token|input_?ids|ids$|word|text|position|segment|type_?ids/i;

/** @param input as testcases have it, without the batch dimension */
export function inferInputKind({ name, type, shape }: InputSpec): InputKind {
  const { kind } = DTYPES[type];
  if (MASK_NAME_PATTERN.test(name) && kind !== 'float') return 'mask';
  if (kind === 'bool') return 'flag';
  if (shape.length === 0) return 'number';
  const wide = type === 'int64' || type === 'int32';
  if (wide && shape.length <= 2 && (TOKENS_NAME_PATTERN.test(name) || shape.includes(null))) return 'tokens';
  if (looksLikeImage(shape) && !(wide && shape.length === 2)) return 'image';
  if (shape.length === 1) return 'features';
  return shape.length === 2 && kind === 'float' ? 'sequence' : 'array';
}
