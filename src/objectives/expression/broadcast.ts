/** Shape of what two shapes make together, as numpy has it; undefined where they don't fit. */
export function broadcastShapes(a: readonly number[], b: readonly number[]): number[] | undefined {
  const rank = Math.max(a.length, b.length);
  const shape: number[] = [];
  for (let axis = 0; axis < rank; axis++) {
    const [x, y] = [a, b].map((one) => one[one.length - rank + axis] ?? 1);
    if (x !== y && x !== 1 && y !== 1) return undefined;
    shape.push(x === 1 ? y : x);
  }
  return shape;
}

/** How an operand's values are found from the place of a value of the result. */
export type OperandAccess =
  /** One value a row, whatever the place. */
  | { readonly kind: 'one' }
  /** The same place. */
  | { readonly kind: 'same' }
  | { readonly kind: 'map'; readonly indices: Int32Array };

/** @param shape of the operand, `result` of what it is part of */
export function operandAccess(shape: readonly number[], result: readonly number[]): OperandAccess {
  const [own, size] = [sizeOf(shape), sizeOf(result)];
  if (own === 1) return { kind: 'one' };
  if (own === size) return { kind: 'same' };
  const places = new Int32Array(size);
  for (let at = 0; at < size; at++) {
    let [rest, place, step] = [at, 0, 1];
    for (let axis = result.length - 1; axis >= 0; axis--) {
      const along = rest % result[axis];
      rest = Math.floor(rest / result[axis]);
      const length = shape[axis - result.length + shape.length] ?? 1;
      if (length > 1) place += along * step;
      step *= length;
    }
    places[at] = place;
  }
  return { kind: 'map', indices: places };
}

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1);
}
