import { drawNormal, randomStream } from '../../core/random.ts';

/** Relative change of the estimate below which the iteration may end, and most of its steps. */
const TOLERANCE = 1e-5;
export const MAX_STEPS = 1000;

/**
 * Fewest steps for a matrix. Where nearly all singular values are equal, as in layers that are normalised, the start has little of the
 * direction of a larger one, and estimates rest before they climb to it: a value 3 % above the others has come up by then.
 */
export const LEAST_STEPS = 64;

/** What all further changes may add up to, as a share of the estimate, if they shrink as the last ones do. */
const REST = 1e-4;

/**
 * Tells when estimates of a singular value have come to rest: they change by less than `TOLERANCE`, and what is still to come, if changes go on
 * shrinking by the same factor, is below `REST`. Where singular values lie close together changes are small long before that.
 */
export class Convergence {
  readonly #leastSteps: number;
  #steps = 0;
  #estimate = 0;
  #change = Number.POSITIVE_INFINITY;

  /** @param leastSteps estimates before which nothing has come to rest */
  constructor(leastSteps = 0) {
    this.#leastSteps = leastSteps;
  }

  /** Takes the next estimate, and says whether it is the last. */
  isReached(estimate: number): boolean {
    const change = Math.abs(estimate - this.#estimate);
    const factor = this.#change === 0 ? 0 : change / this.#change;
    this.#estimate = estimate;
    this.#change = change;
    const rest = factor < 1 ? (change * factor) / (1 - factor) : Number.POSITIVE_INFINITY;
    // Rounding ends what would go on shrinking.
    const isAtRounding = change <= 16 * Number.EPSILON * estimate;
    if (!Number.isFinite(estimate)) return true;
    if (++this.#steps < this.#leastSteps) return false;
    return isAtRounding || (change < TOLERANCE * estimate && rest < REST * estimate);
  }
}

/** A linear map, by what it does to a vector: `forward` is x ↦ Wx, `backward` y ↦ Wᵀy. */
export interface LinearMap {
  /** Length of the vectors that `forward` gives. */
  readonly rows: number;
  readonly columns: number;
  forward(x: Float64Array): Float64Array;
  backward(y: Float64Array): Float64Array;
}

/** The largest singular value with its vectors. */
export interface SingularValue {
  readonly sigma: number;
  /** On the side of the outputs and of the inputs, of length 1; zeros where the map is zero. */
  readonly left: Float64Array;
  readonly right: Float64Array;
  readonly steps: number;
}

/** A matrix `[rows, columns]` as a map. */
export function matrixMap(values: Float64Array, rows: number, columns: number): LinearMap {
  return {
    rows,
    columns,
    forward(x) {
      const y = new Float64Array(rows);
      for (let row = 0, at = 0; row < rows; row++) {
        let sum = 0;
        for (let column = 0; column < columns; column++, at++) sum += values[at] * x[column];
        y[row] = sum;
      }
      return y;
    },
    backward(y) {
      const x = new Float64Array(columns);
      for (let row = 0, at = 0; row < rows; row++) {
        const factor = y[row];
        for (let column = 0; column < columns; column++, at++) x[column] += values[at] * factor;
      }
      return x;
    },
  };
}

/** A map without its largest singular value. */
export function deflated(map: LinearMap, { sigma, left, right }: SingularValue): LinearMap {
  const subtract = (from: Float64Array, share: number, direction: Float64Array): Float64Array => {
    for (let i = 0; i < from.length; i++) from[i] -= share * direction[i];
    return from;
  };
  return {
    rows: map.rows,
    columns: map.columns,
    forward: (x) => subtract(map.forward(x), sigma * dot(right, x), left),
    backward: (y) => subtract(map.backward(y), sigma * dot(left, y), right),
  };
}

/**
 * The largest singular value of a map, by the power iteration of `spectral_norm` (Miyato et al. 2018, arXiv 1802.05957): v = Wᵀu/‖Wᵀu‖,
 * u = Wv/‖Wv‖, from a drawn u, until σ = ‖Wv‖ comes to rest (`Convergence`). It is never too large, but for rounding.
 *
 * @param key of the stream that u is drawn from
 * @param onStep called after each step
 */
export function largestSingularValue(
  map: LinearMap,
  key: readonly (string | number)[],
  onStep: () => void = () => {},
  maxSteps = MAX_STEPS,
): SingularValue {
  let left: Float64Array = drawUnitVector(map.rows, key);
  let right: Float64Array = new Float64Array(map.columns);
  const convergence = new Convergence(LEAST_STEPS);
  let sigma = 0;
  let steps = 0;
  while (steps < maxSteps) {
    steps++;
    const back = normalized(map.backward(left));
    if (back.norm === 0) return { sigma: 0, left: new Float64Array(map.rows), right, steps };
    right = back.vector;
    const ahead = normalized(map.forward(right));
    left = ahead.vector;
    onStep();
    sigma = ahead.norm;
    if (convergence.isReached(sigma)) break;
  }
  return { sigma, left, right, steps };
}

/** A vector of length 1 in a drawn direction. */
export function drawUnitVector(length: number, key: readonly (string | number)[]): Float64Array {
  const random = randomStream('spectral', ...key);
  return normalized(Float64Array.from({ length }, () => drawNormal(random))).vector;
}

/** A vector brought to length 1, in place, and its length before; zeros stay. */
export function normalized(vector: Float64Array): { readonly vector: Float64Array; readonly norm: number } {
  const norm = lengthOf(vector);
  if (norm > 0) for (let i = 0; i < vector.length; i++) vector[i] /= norm;
  return { vector, norm };
}

/** The L2 norm. */
export function lengthOf(vector: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < vector.length; i++) sum += vector[i] * vector[i];
  return Math.sqrt(sum);
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}
