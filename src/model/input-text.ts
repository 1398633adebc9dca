import { shapeText } from '../tensor/tensor.ts';
import type { InputSpec } from './model.ts';

/** An input's type and shape for messages: `float32 ?×4`, `strings ?×4`, in which a string is one value. */
export function inputText(
  { type, strings }: Pick<InputSpec, 'type' | 'strings'>,
  shape: readonly (number | string | null)[],
): string {
  return strings === undefined ? `${type} ${shapeText(shape)}` : `strings ${shapeText(shape.slice(0, -1))}`;
}
