/** Observations of one width, one after the other: what a criterion sees of several runs. */
export interface Observations {
  /** `[count, width]`, finite. */
  readonly vectors: Float32Array;
  readonly width: number;
}

/** How many observations there are. */
export function countObservations({ vectors, width }: Observations): number {
  return width === 0 ? 0 : vectors.length / width;
}

/** Whether every one of `length` values from `offset` is finite. */
export function isFiniteVector(values: Float32Array, offset: number, length: number): boolean {
  let sum = 0;
  for (let i = offset; i < offset + length; i++) sum += values[i] * 0;
  return sum === 0;
}

/** The largest finite number of single precision. */
const MAX_FLOAT32 = 2 ** 127 * (2 - 2 ** -23);

/** A value as single precision holds it: one that is finite stays so. */
export function toFiniteFloat32(value: number): number {
  if (!Number.isFinite(value)) return value;
  return Math.max(-MAX_FLOAT32, Math.min(MAX_FLOAT32, value));
}

/** Squared L2 distance between `a` at `offset` and `b`. */
export function squaredDistance(a: Float32Array, offset: number, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < b.length; i++) {
    const difference = a[offset + i] - b[i];
    sum += difference * difference;
  }
  return sum;
}
