import type { NeighbourIndex } from '../../src/coverage/index/neighbour-index.ts';
import { squaredDistance } from '../../src/coverage/observation.ts';

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

  nearest(values: Float32Array, offset = 0): number {
    let best = Number.POSITIVE_INFINITY;
    for (const stored of this.#vectors) best = Math.min(best, squaredDistance(values, offset, stored));
    return best;
  }

  nearestEntry(values: Float32Array, offset = 0): number {
    const best = this.nearest(values, offset);
    return this.#vectors.findIndex((stored) => squaredDistance(values, offset, stored) === best);
  }
}
