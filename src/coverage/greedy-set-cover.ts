/** Vectors that are covered by each other: those within reach. */
export interface CoverOptions {
  /** `[count, width]`, finite. */
  readonly vectors: Float32Array;
  readonly width: number;
  /** Squared L2 distance up to which one vector stands for another. */
  readonly radius: number;
  /** Vectors that are chosen whatever they cover. */
  readonly required?: readonly number[];
  /** What has to be chosen with a vector. */
  readonly dependenciesOf?: (vector: number) => readonly number[];
}

/**
 * A small set of vectors such that each one lies within reach of one that is chosen. The smallest set is as hard to find
 * as any set cover; this is the greedy one (Chvátal, A Greedy Heuristic for the Set-Covering Problem, 1979), from which what
 * the rest covers is taken out again. Equal arguments give equal answers.
 *
 * @returns places of the chosen, ascending
 */
export function greedySetCover(options: CoverOptions): number[] {
  const { vectors, width, required = [], dependenciesOf = () => [] } = options;
  const count = width === 0 ? 0 : vectors.length / width;
  const neighbours = new RadiusSearch(options, count);
  /** Of each vector how many of the chosen cover it. */
  const covers = new Int32Array(count);
  const chosen = new Set<number>();
  const choose = (vector: number): void => {
    for (const one of [vector, ...dependenciesOf(vector)]) {
      if (chosen.has(one)) continue;
      chosen.add(one);
      neighbours.forEachWithin(one, (other) => void covers[other]++);
    }
  };
  const gain = (vector: number): number => {
    let sum = 0;
    neighbours.forEachWithin(vector, (other) => {
      if (covers[other] === 0) sum++;
    });
    return sum;
  };
  for (const vector of required) choose(vector);
  // By what a vector would cover: that only falls, so the first whose figure still holds is the best.
  const byGain: number[][] = [];
  const put = (vector: number, value: number): void => {
    byGain[value] ??= [];
    byGain[value].push(vector);
  };
  for (let vector = count - 1; vector >= 0; vector--) put(vector, gain(vector));
  for (let value = byGain.length - 1; value > 0; value--) {
    const list = byGain[value] ?? [];
    for (let vector = list.pop(); vector !== undefined; vector = list.pop()) {
      if (chosen.has(vector)) continue;
      const now = gain(vector);
      if (now === value) choose(vector);
      else put(vector, now);
    }
  }
  removeRedundant(chosen, covers, neighbours, new Set(required), dependenciesOf);
  return [...chosen].sort((a, b) => a - b);
}

/** Takes out those whose neighbours are all covered by others, the last first. */
function removeRedundant(
  chosen: Set<number>,
  covers: Int32Array,
  neighbours: RadiusSearch,
  required: ReadonlySet<number>,
  withIt: (vector: number) => readonly number[],
): void {
  const holds = new Map<number, number>();
  for (const vector of chosen)
    for (const other of withIt(vector)) if (other !== vector) holds.set(other, (holds.get(other) ?? 0) + 1);
  for (const vector of [...chosen].sort((a, b) => b - a)) {
    if (required.has(vector) || (holds.get(vector) ?? 0) > 0) continue;
    let isNeeded = false;
    neighbours.forEachWithin(vector, (other) => {
      if (covers[other] === 1) isNeeded = true;
    });
    if (isNeeded) continue;
    chosen.delete(vector);
    neighbours.forEachWithin(vector, (other) => void covers[other]--);
    for (const other of withIt(vector)) holds.set(other, (holds.get(other) ?? 0) - 1);
  }
}

/** Finds what lies within reach: exactly, by looking only where the coordinate that spreads most is near. */
class RadiusSearch {
  readonly #options: CoverOptions;
  /** Vectors by that coordinate, and each one's place there. */
  readonly #byCoordinate: Int32Array;
  readonly #rank: Int32Array;
  readonly #axis: number;
  readonly #axisRadius: number;

  constructor(options: CoverOptions, count: number) {
    this.#options = options;
    const { vectors, width, radius } = options;
    this.#axis = widestAxis(vectors, width);
    // A hair more, since the root is rounded: what lies outside is sorted out by the distance itself.
    this.#axisRadius = Math.sqrt(radius) * (1 + 1e-6);
    this.#byCoordinate = Int32Array.from({ length: count }, (_, i) => i).sort(
      (a, b) => this.#coordinate(a) - this.#coordinate(b) || a - b,
    );
    this.#rank = new Int32Array(count);
    this.#byCoordinate.forEach((vector, place) => {
      this.#rank[vector] = place;
    });
  }

  #coordinate(vector: number): number {
    return this.#options.vectors[vector * this.#options.width + this.#axis];
  }

  /** Calls with every vector within reach of one, itself too. */
  forEachWithin(vector: number, visit: (other: number) => void): void {
    visit(vector);
    const here = this.#coordinate(vector);
    for (const step of [-1, 1]) {
      for (let place = this.#rank[vector] + step; ; place += step) {
        const other = this.#byCoordinate[place];
        if (other === undefined || Math.abs(this.#coordinate(other) - here) > this.#axisRadius) break;
        if (this.#isWithin(vector, other)) visit(other);
      }
    }
  }

  #isWithin(a: number, b: number): boolean {
    const { vectors, width, radius } = this.#options;
    let sum = 0;
    for (let i = 0; i < width; i++) {
      const difference = vectors[a * width + i] - vectors[b * width + i];
      sum += difference * difference;
    }
    return sum <= radius;
  }
}

/** The coordinate whose values spread most. */
function widestAxis(vectors: Float32Array, width: number): number {
  let [widest, most] = [0, -1];
  for (let axis = 0; axis < width; axis++) {
    let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (let i = axis; i < vectors.length; i += width) {
      low = Math.min(low, vectors[i]);
      high = Math.max(high, vectors[i]);
    }
    if (high - low > most) [widest, most] = [axis, high - low];
  }
  return widest;
}
