/** Nearest-neighbour search over activations. Vectors hold finite numbers only. */
export interface NeighbourIndex {
  readonly size: number;
  /** Stores a vector; equal insertions in equal order give equal answers. */
  add(vector: Float32Array): void;
  /** Squared L2 distance to the nearest stored vector; infinity while none is stored. */
  nearest(vector: Float32Array): number;
  /**
   * Loads what the first `size` or fewer vectors would build, where that is stored. Only for an empty index.
   *
   * @returns how many vectors need not be added any more
   */
  loadPrefix(size: number): number;
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

/** Whether every one of `length` values from `offset` is finite. */
export function isFiniteVector(values: Float32Array, offset: number, length: number): boolean {
  let sum = 0;
  for (let i = offset; i < offset + length; i++) sum += values[i] * 0;
  return sum === 0;
}
