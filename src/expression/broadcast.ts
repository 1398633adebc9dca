import { sizeOf } from '../tensor/tensor.ts';

/** Broadcast shape of two shapes by NumPy's rules; undefined if they are incompatible. */
export function broadcastShapes(a: readonly number[], b: readonly number[]): number[] | undefined {
  const rank = Math.max(a.length, b.length);
  const shape: number[] = [];
  for (let axis = 0; axis < rank; axis++) {
    const [x, y] = [a, b].map((operand) => operand[operand.length - rank + axis] ?? 1);
    if (x !== y && x !== 1 && y !== 1) return undefined;
    shape.push(x === 1 ? y : x);
  }
  return shape;
}

/** Mapping from indices of a broadcast result to indices of an operand. */
export type OperandAccess =
  /** The operand has a single value per row. */
  | { readonly kind: 'one' }
  /** Equal indices. */
  | { readonly kind: 'same' }
  | { readonly kind: 'map'; readonly indices: Int32Array };

/**
 * @param shape of the operand
 * @param result broadcast shape of the operation
 */
export function operandAccess(shape: readonly number[], result: readonly number[]): OperandAccess {
  const [operandSize, size] = [sizeOf(shape), sizeOf(result)];
  if (operandSize === 1) return { kind: 'one' };
  if (operandSize === size) return { kind: 'same' };
  const indices = new Int32Array(size);
  for (let at = 0; at < size; at++) {
    let [rest, index, stride] = [at, 0, 1];
    for (let axis = result.length - 1; axis >= 0; axis--) {
      const along = rest % result[axis];
      rest = Math.floor(rest / result[axis]);
      const length = shape[axis - result.length + shape.length] ?? 1;
      if (length > 1) index += along * stride;
      stride *= length;
    }
    indices[at] = index;
  }
  return { kind: 'map', indices };
}

/** Index of an operand's value for an index of the result. */
export function operandIndex(access: OperandAccess, index: number): number {
  if (access.kind === 'same') return index;
  return access.kind === 'one' ? 0 : access.indices[index];
}
