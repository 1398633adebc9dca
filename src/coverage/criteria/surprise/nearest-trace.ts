import { drawNormal, randomStream } from '../../../core/random.ts';
import { squaredDistance } from '../../observation.ts';

/** Principal directions along which traces are compared first. */
const DIRECTIONS = 12;

/** Traces that the directions are found by, evenly spaced, and steps of the subspace iteration: they only decide how much is left out. */
const SAMPLE = 256;
const ITERATIONS = 4;

/** Rounding errors of a bound, relative to the squares of the lengths that it is made of. */
const ROUNDING = 1e-6;

/**
 * The exact nearest neighbour among a fixed set of traces. Each trace has its coordinates along a few principal directions, and the
 * length of what remains. By these alone two traces are at least √(Σ(cᵢ − c′ᵢ)² + (r − r′)²) apart, so most need not be compared in
 * full: activations of a network vary along few directions.
 */
export class NearestTrace {
  readonly #traces: Float32Array;
  readonly #width: number;
  readonly #count: number;
  readonly #mean: Float64Array;
  /** `[directions, width]`, orthonormal. */
  readonly #directions: Float64Array;
  readonly #directionCount: number;
  /** Coordinates of all traces along each direction, `[directions, count]`; lengths of what remains; greatest squared length. */
  readonly #coordinates: Float64Array;
  readonly #remainders: Float64Array;
  readonly #greatestSquare: number;
  readonly #centred: Float64Array;
  readonly #bounds: Float64Array;

  /** @param traces `[count, width]`, finite, one or more */
  constructor(traces: Float32Array, width: number) {
    const count = width === 0 ? 0 : traces.length / width;
    this.#traces = traces;
    this.#width = width;
    this.#count = count;
    this.#mean = new Float64Array(width);
    for (let i = 0; i < traces.length; i++) this.#mean[i % width] += traces[i] / count;
    this.#directionCount = Math.min(DIRECTIONS, width);
    this.#directions = principalDirections(traces, this.#mean, this.#directionCount);
    this.#centred = new Float64Array(width);
    this.#bounds = new Float64Array(count);
    this.#coordinates = new Float64Array(count * this.#directionCount);
    this.#remainders = new Float64Array(count);
    let greatestSquare = 0;
    for (let i = 0; i < count; i++) {
      const { coordinates, remainder, square } = this.#project(traces, i * width);
      for (let d = 0; d < this.#directionCount; d++) this.#coordinates[d * count + i] = coordinates[d];
      this.#remainders[i] = remainder;
      greatestSquare = Math.max(greatestSquare, square);
    }
    this.#greatestSquare = greatestSquare;
  }

  /**
   * The trace that is nearest to a finite one, of equal ones the first, and its squared L2 distance.
   *
   * @param from where the trace begins in `values`
   */
  find(values: Float32Array, from: number): { readonly index: number; readonly squared: number } {
    const width = this.#width;
    const trace = values.subarray(from, from + width);
    const likely = this.#boundAll(values, from);
    let index = likely.index;
    let squared = squaredDistance(this.#traces, index * width, trace);
    const bounds = this.#bounds;
    for (let i = 0; i < this.#count; i++) {
      if (bounds[i] - likely.error > squared || i === likely.index) continue;
      const distance = squaredDistance(this.#traces, i * width, trace);
      if (distance < squared || (distance === squared && i < index)) {
        squared = distance;
        index = i;
      }
    }
    return { index, squared };
  }

  /** Bounds the squared distances of all traces from one; the least bound, and how far off bounds may be. */
  #boundAll(values: Float32Array, from: number): { readonly index: number; readonly error: number } {
    const { coordinates, remainder, square } = this.#project(values, from);
    const [bounds, count] = [this.#bounds, this.#count];
    for (let i = 0; i < count; i++) bounds[i] = (this.#remainders[i] - remainder) ** 2;
    for (let d = 0; d < this.#directionCount; d++) {
      const [coordinate, start] = [coordinates[d], d * count];
      for (let i = 0; i < count; i++) bounds[i] += (this.#coordinates[start + i] - coordinate) ** 2;
    }
    let index = 0;
    for (let i = 1; i < count; i++) if (bounds[i] < bounds[index]) index = i;
    return { index, error: ROUNDING * (square + this.#greatestSquare) };
  }

  #project(
    values: Float32Array,
    from: number,
  ): { readonly coordinates: Float64Array; readonly remainder: number; readonly square: number } {
    const width = this.#width;
    const centred = this.#centred;
    let square = 0;
    for (let i = 0; i < width; i++) {
      centred[i] = values[from + i] - this.#mean[i];
      square += centred[i] ** 2;
    }
    const coordinates = new Float64Array(this.#directionCount);
    let explained = 0;
    for (let d = 0; d < this.#directionCount; d++) {
      coordinates[d] = dot(this.#directions, d * width, centred, width);
      explained += coordinates[d] ** 2;
    }
    return { coordinates, remainder: Math.sqrt(Math.max(0, square - explained)), square };
  }
}

/** Orthonormal directions `[count, width]` along which traces vary most, nearly, by subspace iteration from a fixed start. */
function principalDirections(traces: Float32Array, mean: Float64Array, count: number): Float64Array {
  const width = mean.length;
  const total = width === 0 ? 0 : traces.length / width;
  const used = Math.min(SAMPLE, total);
  const sample = new Float64Array(used * width);
  for (let i = 0; i < used; i++) {
    const from = Math.floor((i * total) / used) * width;
    for (let j = 0; j < width; j++) sample[i * width + j] = traces[from + j] - mean[j];
  }
  const random = randomStream('principal directions');
  let directions = Float64Array.from({ length: count * width }, () => drawNormal(random));
  orthonormalize(directions, count, width);
  for (let iteration = 0; iteration < ITERATIONS; iteration++) {
    const next = new Float64Array(count * width);
    for (let i = 0; i < used; i++)
      for (let d = 0; d < count; d++) {
        const coordinate = dot(directions, d * width, sample.subarray(i * width, (i + 1) * width), width);
        for (let j = 0; j < width; j++) next[d * width + j] += coordinate * sample[i * width + j];
      }
    orthonormalize(next, count, width);
    directions = next;
  }
  return directions;
}

/** Gram and Schmidt's method, twice: once leaves rounding errors. A row that depends on those before it becomes zeros. */
function orthonormalize(rows: Float64Array, count: number, width: number): void {
  for (let d = 0; d < count; d++) {
    const row = rows.subarray(d * width, (d + 1) * width);
    const before = Math.sqrt(dot(row, 0, row, width));
    for (let pass = 0; pass < 2; pass++)
      for (let e = 0; e < d; e++) {
        const along = dot(rows, e * width, row, width);
        for (let j = 0; j < width; j++) row[j] -= along * rows[e * width + j];
      }
    const length = Math.sqrt(dot(row, 0, row, width));
    const scale = length > 1e-9 * before ? 1 / length : 0;
    for (let j = 0; j < width; j++) row[j] *= scale;
  }
}

/** Product of a row, which begins at `from`, and a vector; by four partial sums, so that an addition need not wait for the last. */
function dot(rows: Float64Array, from: number, vector: Float64Array, width: number): number {
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  let j = 0;
  for (; j + 4 <= width; j += 4) {
    a += rows[from + j] * vector[j];
    b += rows[from + j + 1] * vector[j + 1];
    c += rows[from + j + 2] * vector[j + 2];
    d += rows[from + j + 3] * vector[j + 3];
  }
  for (; j < width; j++) a += rows[from + j] * vector[j];
  return a + b + (c + d);
}
