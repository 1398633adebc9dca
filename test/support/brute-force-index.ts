import { type NeighbourIndex, squaredDistance } from '../../src/coverage/index/neighbour-index.ts';

/** Looks at every stored vector: slow and right. Approximate indexes are checked by it. */
export class ExactIndex implements NeighbourIndex {
  readonly #vectors: Float32Array[] = [];

  get size(): number {
    return this.#vectors.length;
  }

  add(vector: Float32Array): void {
    this.#vectors.push(vector.slice());
  }

  loadPrefix(): number {
    return 0;
  }

  nearest(vector: Float32Array): number {
    let best = Number.POSITIVE_INFINITY;
    for (const stored of this.#vectors) best = Math.min(best, squaredDistance(vector, 0, stored));
    return best;
  }
}
