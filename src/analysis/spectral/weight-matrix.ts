import { readNumber, sizeOf, type Tensor } from '../../tensor/tensor.ts';
import type { MatrixAxes } from './weight-operands.ts';

/** Matrices of one size, one after the other: `[count, rows, columns]`. */
export interface WeightMatrices {
  readonly count: number;
  /** What the layer gives. */
  readonly rows: number;
  /** What the layer takes. */
  readonly columns: number;
  readonly values: Float64Array;
}

/** How integers of a quantized weight are to be read: `scale · (value − zeroPoint)`, one of each or one an output. */
export interface Dequantization {
  readonly scale: readonly number[];
  readonly zeroPoint: readonly number[];
}

/** A weight as matrices whose rows are the layer's outputs. */
export function weightMatrices(
  { type, shape, data }: Tensor,
  { stack, outputs, inputs }: MatrixAxes,
  integers?: Dequantization,
): WeightMatrices {
  const order = [...stack, ...outputs, ...inputs];
  const strides = shape.map((_, axis) => sizeOf(shape.slice(axis + 1)));
  const sizes = order.map((axis) => shape[axis]);
  const values = new Float64Array(sizeOf(shape));
  const index = new Array<number>(order.length).fill(0);
  let source = 0;
  for (let i = 0; i < values.length; i++) {
    values[i] = readNumber(type, data, source);
    for (let k = order.length - 1; k >= 0; k--) {
      index[k]++;
      source += strides[order[k]];
      if (index[k] < sizes[k]) break;
      source -= sizes[k] * strides[order[k]];
      index[k] = 0;
    }
  }
  const product = (axes: readonly number[]): number => sizeOf(axes.map((axis) => shape[axis]));
  const matrices = { count: product(stack), rows: product(outputs), columns: product(inputs), values };
  if (integers !== undefined) dequantize(matrices, integers);
  return matrices;
}

function dequantize({ rows, columns, values }: WeightMatrices, { scale, zeroPoint }: Dequantization): void {
  const of = (numbers: readonly number[], row: number): number => numbers[numbers.length === 1 ? 0 : row];
  for (let i = 0; i < values.length; i++) {
    const row = Math.floor(i / columns) % rows;
    values[i] = of(scale, row) * (values[i] - (zeroPoint.length === 0 ? 0 : of(zeroPoint, row)));
  }
}

/** The difference of two weights of one form. */
export function subtractMatrices(a: WeightMatrices, b: WeightMatrices): WeightMatrices {
  return { ...a, values: a.values.map((value, i) => value - b.values[i]) };
}

/** Rows of zeros alone, of all matrices: outputs that no input reaches. */
export function countDeadRows({ columns, values }: WeightMatrices): number {
  let dead = 0;
  for (let from = 0; from < values.length; from += columns) {
    let isDead = true;
    for (let i = from; isDead && i < from + columns; i++) isDead = values[i] === 0;
    if (isDead) dead++;
  }
  return dead;
}
