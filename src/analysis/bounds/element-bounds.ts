import { DTYPES, type DType, readNumber, sizeOf, type Tensor } from '../../tensor/tensor.ts';
import type { Interval } from '../numerical-sites/interval.ts';

/** Bounds of each value of a tensor that is not NaN, both ends included, for all inputs within a box. */
export interface ElementBounds {
  /** With the batch as 1. */
  readonly shape: readonly number[];
  /** Whether the first dimension is the batch: any number of rows, each of them within these bounds. */
  readonly isBatched: boolean;
  readonly low: Float64Array;
  readonly high: Float64Array;
}

/** A shape with the batch as 1; see `ElementBounds`. */
export type ElementShape = Pick<ElementBounds, 'shape' | 'isBatched'>;

export function makeBounds({ shape, isBatched }: ElementShape): ElementBounds {
  const size = sizeOf(shape);
  return { shape, isBatched, low: new Float64Array(size), high: new Float64Array(size) };
}

/** A tensor's values as numbers. */
export function numbersOf({ type, data }: Tensor): Float64Array {
  const values = new Float64Array(data.length);
  for (let i = 0; i < values.length; i++) values[i] = readNumber(type, data, i);
  return values;
}

/** The values of a constant as bounds; undefined where one is NaN. */
export function constantBounds(tensor: Tensor): ElementBounds | undefined {
  const values = numbersOf(tensor);
  const { shape } = tensor;
  return values.some(Number.isNaN) ? undefined : { shape, isBatched: false, low: values, high: values };
}

/** The interval of all of a tensor's values; undefined for a tensor without any. */
export function hullOf({ low, high }: ElementBounds): Interval | undefined {
  if (low.length === 0) return undefined;
  let least = Number.POSITIVE_INFINITY;
  let most = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < low.length; i++) {
    if (low[i] < least) least = low[i];
    if (high[i] > most) most = high[i];
  }
  return { low: least, high: most };
}

/** The larger magnitude of an element's ends. */
export function magnitudeAt({ low, high }: Pick<ElementBounds, 'low' | 'high'>, i: number): number {
  return Math.max(Math.abs(low[i]), Math.abs(high[i]));
}

export function isFloat(type: DType | undefined): type is 'float16' | 'float32' | 'float64' {
  return type !== undefined && DTYPES[type].kind === 'float';
}

/**
 * The shape of operands broadcast against each other; undefined where they do not, or where the batch of one of them meets an
 * axis of another that is not the batch.
 */
export function broadcastShape(operands: readonly ElementShape[]): ElementShape | undefined {
  const rank = Math.max(0, ...operands.map(({ shape }) => shape.length));
  const isBatched = operands.some((operand) => operand.isBatched);
  const shape = new Array<number>(rank).fill(1);
  for (const operand of operands) {
    if (operand.isBatched && operand.shape.length !== rank) return undefined;
    for (let back = 1; back <= operand.shape.length; back++) {
      const size = operand.shape[operand.shape.length - back];
      if (size === 1) continue;
      // Rows of another tensor that is no batch.
      if (isBatched && back === rank) return undefined;
      if (shape[rank - back] !== 1 && shape[rank - back] !== size) return undefined;
      shape[rank - back] = size;
    }
  }
  return { shape, isBatched };
}

/** The element of a tensor that each element of a shape it broadcasts to is of. */
export function broadcastIndices(from: readonly number[], to: readonly number[]): Int32Array {
  const size = sizeOf(to);
  const indices = new Int32Array(size);
  let stride = 1;
  let below = 1;
  for (let back = 1; back <= from.length; back++) {
    const length = to[to.length - back];
    if (from[from.length - back] !== 1) {
      for (let i = 0; i < size; i++) indices[i] += (Math.floor(i / below) % length) * stride;
      stride *= length;
    }
    below *= length;
  }
  return indices;
}

/** Distance between neighbours along each axis of a tensor in row-major order. */
export function stridesOf(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length).fill(1);
  for (let axis = shape.length - 2; axis >= 0; axis--) strides[axis] = strides[axis + 1] * shape[axis + 1];
  return strides;
}

/** An axis counted from the front; undefined where there is none of that number. */
export function axisAt(axis: number, rank: number): number | undefined {
  const position = axis < 0 ? axis + rank : axis;
  return Number.isInteger(position) && position >= 0 && position < rank ? position : undefined;
}
