/** Factors on the mean variance that are added to the diagonal, one after the other, until the covariance can be inverted. */
const RIDGES = [0, 1e-9, 1e-7, 1e-5, 1e-3, 1e-1, 1];

/** Beside a term with exponent 0, one with this exponent or less is 0 in double precision. */
const NEGLIGIBLE_EXPONENT = 750;

/**
 * Kernel density estimation with a Gaussian kernel whose covariance is that of the points, scaled by Scott's rule, as in
 * `scipy.stats.gaussian_kde` (D. W. Scott, Multivariate Density Estimation, 1992). Where the points span fewer dimensions than
 * they have, the least of some ridges is added that makes the covariance regular; SciPy refuses these.
 */
export class GaussianKde {
  readonly #dimensions: number;
  readonly #count: number;
  /** The lower Cholesky factor of the kernel's covariance. */
  readonly #factor: Float64Array;
  /** The points in units of the kernel: solutions of L·y = x. */
  readonly #whitened: Float64Array;
  readonly #logNormalization: number;
  readonly #solved: Float64Array;
  readonly #exponents: Float64Array;

  /** @param points `[count, dimensions]`, two or more */
  constructor(points: Float64Array, dimensions: number) {
    this.#dimensions = dimensions;
    this.#count = dimensions === 0 ? 0 : points.length / dimensions;
    const scott = this.#count ** (-1 / (dimensions + 4));
    const covariance = covarianceOf(points, dimensions).map((value) => value * scott ** 2);
    this.#factor = regularFactor(covariance, dimensions);
    this.#whitened = points.slice();
    for (let i = 0; i < this.#count; i++)
      solveLower(this.#factor, dimensions, this.#whitened.subarray(i * dimensions, (i + 1) * dimensions));
    let logDeterminant = 0;
    for (let i = 0; i < dimensions; i++) logDeterminant += Math.log(this.#factor[i * dimensions + i]);
    this.#logNormalization =
      logDeterminant + (dimensions / 2) * Math.log(2 * Math.PI) + Math.log(this.#count);
    this.#solved = new Float64Array(dimensions);
    this.#exponents = new Float64Array(this.#count);
  }

  /** The natural logarithm of the density at a point of `dimensions` numbers; NaN where there are no dimensions. */
  logDensity(point: Float64Array): number {
    const dimensions = this.#dimensions;
    if (dimensions === 0) return Number.NaN;
    this.#solved.set(point);
    solveLower(this.#factor, dimensions, this.#solved);
    let greatest = Number.NEGATIVE_INFINITY;
    const exponents = this.#exponents;
    for (let i = 0; i < this.#count; i++) {
      const most = -2 * (greatest - NEGLIGIBLE_EXPONENT);
      exponents[i] = -squaredDistanceOf(this.#solved, this.#whitened, i * dimensions, most) / 2;
      greatest = Math.max(greatest, exponents[i]);
    }
    let sum = 0;
    for (const exponent of exponents) sum += Math.exp(exponent - greatest);
    return greatest + Math.log(sum) - this.#logNormalization;
  }
}

/** Unbiased covariance of points, `[dimensions, dimensions]`. */
export function covarianceOf(points: Float64Array, dimensions: number): Float64Array {
  const count = dimensions === 0 ? 0 : points.length / dimensions;
  const means = new Float64Array(dimensions);
  for (let i = 0; i < count; i++)
    for (let j = 0; j < dimensions; j++) means[j] += points[i * dimensions + j] / count;
  const covariance = new Float64Array(dimensions * dimensions);
  for (let i = 0; i < count; i++)
    for (let j = 0; j < dimensions; j++) {
      const difference = points[i * dimensions + j] - means[j];
      for (let k = 0; k <= j; k++)
        covariance[j * dimensions + k] += difference * (points[i * dimensions + k] - means[k]);
    }
  for (let j = 0; j < dimensions; j++)
    for (let k = 0; k <= j; k++) {
      covariance[j * dimensions + k] /= Math.max(1, count - 1);
      covariance[k * dimensions + j] = covariance[j * dimensions + k];
    }
  return covariance;
}

function regularFactor(covariance: Float64Array, dimensions: number): Float64Array {
  let variance = 0;
  for (let i = 0; i < dimensions; i++) variance += covariance[i * dimensions + i] / dimensions;
  const scale = variance > 0 ? variance : 1;
  for (const ridge of RIDGES) {
    const factor = cholesky(covariance, dimensions, ridge * scale);
    if (factor !== undefined) return factor;
  }
  // What no ridge makes regular is not finite: densities are then not numbers.
  return new Float64Array(dimensions * dimensions).fill(Number.NaN);
}

/** The lower Cholesky factor of a matrix with a ridge on its diagonal; undefined where it is not positive definite. */
function cholesky(matrix: Float64Array, n: number, ridge: number): Float64Array | undefined {
  const factor = new Float64Array(n * n);
  for (let i = 0; i < n; i++)
    for (let j = 0; j <= i; j++) {
      let sum = matrix[i * n + j] + (i === j ? ridge : 0);
      for (let k = 0; k < j; k++) sum -= factor[i * n + k] * factor[j * n + k];
      if (i !== j) factor[i * n + j] = sum / factor[j * n + j];
      else if (sum > Number.EPSILON * matrix[i * n + i]) factor[i * n + i] = Math.sqrt(sum);
      else return undefined;
    }
  return factor;
}

/** Solves L·y = x in place. */
function solveLower(factor: Float64Array, n: number, x: Float64Array): void {
  for (let i = 0; i < n; i++) {
    x[i] = (x[i] - productOf(factor, i * n, x, i)) / factor[i * n + i];
  }
}

/**
 * Squared distance of a point from that which begins at `from`, or a part of it above `most`. Four partial sums, so that an addition need
 * not wait for the last.
 */
function squaredDistanceOf(point: Float64Array, points: Float64Array, from: number, most: number): number {
  const n = point.length;
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  let j = 0;
  for (; j + 4 <= n; j += 4) {
    const p = point[j] - points[from + j];
    const q = point[j + 1] - points[from + j + 1];
    const r = point[j + 2] - points[from + j + 2];
    const s = point[j + 3] - points[from + j + 3];
    a += p * p;
    b += q * q;
    c += r * r;
    d += s * s;
    if (a + b + (c + d) > most) return a + b + (c + d);
  }
  for (; j < n; j++) a += (point[j] - points[from + j]) ** 2;
  return a + b + (c + d);
}

/** Product of the first `n` numbers of a row, which begins at `from`, and of x; by partial sums as well. */
function productOf(matrix: Float64Array, from: number, x: Float64Array, n: number): number {
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  let k = 0;
  for (; k + 4 <= n; k += 4) {
    a += matrix[from + k] * x[k];
    b += matrix[from + k + 1] * x[k + 1];
    c += matrix[from + k + 2] * x[k + 2];
    d += matrix[from + k + 3] * x[k + 3];
  }
  for (; k < n; k++) a += matrix[from + k] * x[k];
  return a + b + (c + d);
}
