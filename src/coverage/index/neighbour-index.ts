/** Nearest-neighbour search over observations. Vectors hold finite numbers only. */
export interface NeighbourIndex {
  readonly size: number;
  /** Stores a vector; equal insertions in equal order give equal answers. */
  add(vector: Float32Array): void;
  /**
   * Squared L2 distance to the nearest stored vector; infinity while none is stored.
   *
   * @param offset index of the vector's first number, so that a row of a batch needs no view
   */
  nearest(values: Float32Array, offset?: number): number;
  /** Index of the nearest stored vector, in the order of insertion; -1 while none is stored. */
  nearestEntry(values: Float32Array, offset?: number): number;
  /** The same by comparison with every stored vector; absent where `nearest` is exact. */
  exactNearest?(vector: Float32Array): number;
  /**
   * Loads the snapshot of at most the first `size` vectors, where there is one. Only for an empty index.
   *
   * @returns how many vectors it holds: those need not be added any more
   */
  loadPrefix(size: number): number;
}
