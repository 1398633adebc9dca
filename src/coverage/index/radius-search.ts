import { countObservations, type Observations } from '../observation.ts';

/**
 * Exact search for all vectors within a radius, in a set that does not change: only vectors are compared whose coordinate
 * on the widest axis is near.
 */
export class RadiusSearch {
  readonly #vectors: Float32Array;
  readonly #width: number;
  readonly #squaredRadius: number;
  readonly #axis: number;
  readonly #axisRadius: number;
  /** Vectors in the order of that coordinate, and each vector's rank in it. */
  readonly #byCoordinate: Int32Array;
  readonly #rank: Int32Array;

  /** @param squaredRadius squared L2 distance */
  constructor(observations: Observations, squaredRadius: number) {
    const count = countObservations(observations);
    this.#vectors = observations.vectors;
    this.#width = observations.width;
    this.#squaredRadius = squaredRadius;
    this.#axis = widestAxis(observations);
    // Slightly more, since the root is rounded: the distance itself decides.
    this.#axisRadius = Math.sqrt(squaredRadius) * (1 + 1e-6);
    this.#byCoordinate = Int32Array.from({ length: count }, (_, i) => i).sort(
      (a, b) => this.#coordinate(a) - this.#coordinate(b) || a - b,
    );
    this.#rank = new Int32Array(count);
    this.#byCoordinate.forEach((vector, rank) => {
      this.#rank[vector] = rank;
    });
  }

  /** Visits every vector within the radius of one, and the vector itself. */
  forEachWithin(vector: number, visit: (neighbour: number) => void): void {
    visit(vector);
    const coordinate = this.#coordinate(vector);
    for (const step of [-1, 1]) {
      for (let rank = this.#rank[vector] + step; ; rank += step) {
        const other = this.#byCoordinate[rank];
        if (other === undefined || Math.abs(this.#coordinate(other) - coordinate) > this.#axisRadius) break;
        if (this.#isWithin(vector, other)) visit(other);
      }
    }
  }

  #coordinate(vector: number): number {
    return this.#vectors[vector * this.#width + this.#axis];
  }

  #isWithin(a: number, b: number): boolean {
    let sum = 0;
    for (let i = 0; i < this.#width; i++) {
      const difference = this.#vectors[a * this.#width + i] - this.#vectors[b * this.#width + i];
      sum += difference * difference;
    }
    return sum <= this.#squaredRadius;
  }
}

/** The axis on which the vectors spread most. */
function widestAxis({ vectors, width }: Observations): number {
  let [widest, largestSpread] = [0, -1];
  for (let axis = 0; axis < width; axis++) {
    let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (let i = axis; i < vectors.length; i += width) {
      low = Math.min(low, vectors[i]);
      high = Math.max(high, vectors[i]);
    }
    if (high - low > largestSpread) [widest, largestSpread] = [axis, high - low];
  }
  return widest;
}
