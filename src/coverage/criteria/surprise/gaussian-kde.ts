/** Beside a term with exponent 0, up to 100,000 with this exponent or less do not change a sum in double precision. */
const NEGLIGIBLE_EXPONENT = 50;

/**
 * Share of a dimension's variance that those before it leave unexplained, below which the covariance counts as singular: logits are linear in
 * the layer before them, up to the rounding of single precision.
 */
const MIN_PIVOT = 1e-8;

/** Points that are compared at once, and dimensions after which it is seen whether they are too far away to count. */
const GROUP = 4;
const STRIDE = 32;

/**
 * Kernel density estimation with a Gaussian kernel whose covariance is that of the points, scaled by Scott's rule, as in
 * `scipy.stats.gaussian_kde` (D. W. Scott, Multivariate Density Estimation, 1992). SciPy refuses points that span fewer dimensions
 * than they have. Here the correlations of these are shrunk towards none, by the intensity of Schäfer and Strimmer (2005).
 */
export class GaussianKde {
  readonly #dimensions: number;
  readonly #count: number;
  /** The inverse of the lower Cholesky factor of the kernel's covariance, rows side by side: `[groups, dimensions, GROUP]`. */
  readonly #whitening: Float64Array;
  /** The points in units of the kernel, solutions of L·y = x, side by side: `[groups, dimensions, GROUP]`, the last one filled up with ∞. */
  readonly #whitened: Float64Array;
  readonly #logNormalization: number;
  readonly #solved: Float64Array;
  readonly #exponents: Float64Array;

  /** @param points `[count, dimensions]`, two or more */
  constructor(points: Float64Array, dimensions: number) {
    this.#dimensions = dimensions;
    this.#count = dimensions === 0 ? 0 : points.length / dimensions;
    const scott = this.#count ** (-1 / (dimensions + 4));
    const factor = regularFactor(points, dimensions).map((value) => value * scott);
    this.#whitening = sideBySide(inverseOfLower(factor, dimensions), dimensions, dimensions, 0);
    this.#solved = new Float64Array(dimensions + GROUP);
    const whitened = new Float64Array(this.#count * dimensions);
    for (let i = 0; i < this.#count; i++) {
      this.#whiten(points.subarray(i * dimensions, (i + 1) * dimensions));
      whitened.set(this.#solved.subarray(0, dimensions), i * dimensions);
    }
    this.#whitened = sideBySide(whitened, this.#count, dimensions, Number.POSITIVE_INFINITY);
    let logDeterminant = 0;
    for (let i = 0; i < dimensions; i++) logDeterminant += Math.log(factor[i * dimensions + i]);
    this.#logNormalization =
      logDeterminant + (dimensions / 2) * Math.log(2 * Math.PI) + Math.log(this.#count);
    this.#exponents = new Float64Array(Math.ceil(this.#count / GROUP) * GROUP);
  }

  /** The natural logarithm of the density at a point of `dimensions` numbers; NaN where there are no dimensions. */
  logDensity(point: Float64Array): number {
    if (this.#dimensions === 0) return Number.NaN;
    this.#whiten(point);
    let greatest = Number.NEGATIVE_INFINITY;
    const exponents = this.#exponents;
    for (let i = 0; i < exponents.length; i += GROUP) {
      const most = -2 * (greatest - NEGLIGIBLE_EXPONENT);
      writeExponents(this.#solved, this.#dimensions, this.#whitened, i, most, exponents);
      greatest = Math.max(greatest, exponents[i], exponents[i + 1], exponents[i + 2], exponents[i + 3]);
    }
    let sum = 0;
    for (const exponent of exponents)
      if (!(exponent < greatest - NEGLIGIBLE_EXPONENT)) sum += Math.exp(exponent - greatest);
    return greatest + Math.log(sum) - this.#logNormalization;
  }

  /** Writes L⁻¹·x into `#solved`, four numbers at once. */
  #whiten(point: Float64Array): void {
    const n = this.#dimensions;
    const matrix = this.#whitening;
    const solved = this.#solved;
    for (let i = 0; i < n; i += GROUP) {
      let a = 0;
      let b = 0;
      let c = 0;
      let d = 0;
      // The matrix is lower triangular.
      const end = Math.min(n, i + GROUP);
      for (let j = 0, at = i * n; j < end; j++, at += GROUP) {
        const value = point[j];
        a += matrix[at] * value;
        b += matrix[at + 1] * value;
        c += matrix[at + 2] * value;
        d += matrix[at + 3] * value;
      }
      solved[i] = a;
      solved[i + 1] = b;
      solved[i + 2] = c;
      solved[i + 3] = d;
    }
  }
}

/** Rows `[count, width]` in groups of four, whose numbers alternate: `[groups, width, GROUP]`, filled up with rows of `filling`. */
function sideBySide(rows: Float64Array, count: number, width: number, filling: number): Float64Array {
  const joined = new Float64Array(Math.ceil(count / GROUP) * width * GROUP).fill(filling);
  for (let i = 0; i < count; i++) {
    const from = (i - (i % GROUP)) * width + (i % GROUP);
    for (let j = 0; j < width; j++) joined[from + j * GROUP] = rows[i * width + j];
  }
  return joined;
}

/** Unbiased covariance of points, `[dimensions, dimensions]`. */
function covarianceOf(points: Float64Array, dimensions: number): Float64Array {
  const count = dimensions === 0 ? 0 : points.length / dimensions;
  const means = meansOf(points, dimensions);
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

/** The lower Cholesky factor of the points' covariance, or of a shrunk one; of NaN where a dimension does not vary. */
function regularFactor(points: Float64Array, dimensions: number): Float64Array {
  const covariance = covarianceOf(points, dimensions);
  const isSingular = points.length / dimensions <= dimensions;
  const factor = isSingular ? undefined : cholesky(covariance, dimensions);
  return (
    factor ??
    cholesky(shrunk(covariance, points, dimensions), dimensions) ??
    new Float64Array(dimensions * dimensions).fill(Number.NaN)
  );
}

/** A covariance whose correlations are shrunk: (1 − λ)·S + λ·diag(S). */
function shrunk(covariance: Float64Array, points: Float64Array, dimensions: number): Float64Array {
  const intensity = shrinkageIntensity(covariance, points, dimensions);
  return covariance.map((value, at) =>
    Math.floor(at / dimensions) === at % dimensions ? value : (1 - intensity) * value,
  );
}

/**
 * The intensity λ with the least expected squared error of the correlations r (Schäfer and Strimmer, A Shrinkage Approach to Large-Scale
 * Covariance Matrix Estimation, 2005, table 1, target D): Σ Var(rᵢⱼ) / Σ rᵢⱼ² over i ≠ j. At least 1/n, since few points may seem to
 * have no variance.
 */
function shrinkageIntensity(covariance: Float64Array, points: Float64Array, dimensions: number): number {
  const count = points.length / dimensions;
  const deviations = Float64Array.from({ length: dimensions }, (_, i) =>
    Math.sqrt(covariance[i * dimensions + i]),
  );
  let correlations = 0;
  for (let i = 0; i < dimensions; i++)
    for (let j = 0; j < dimensions; j++)
      if (i !== j) correlations += (covariance[i * dimensions + j] / (deviations[i] * deviations[j])) ** 2;
  const means = meansOf(points, dimensions);
  // Of each point, the sum of the squared products of two different standardized coordinates.
  let products = 0;
  for (let k = 0; k < count; k++) {
    let squares = 0;
    let fourths = 0;
    for (let i = 0; i < dimensions; i++) {
      const square = ((points[k * dimensions + i] - means[i]) / deviations[i]) ** 2;
      squares += square;
      fourths += square ** 2;
    }
    products += squares ** 2 - fourths;
  }
  const variances = (count / (count - 1) ** 3) * (products - ((count - 1) ** 2 / count) * correlations);
  return Math.min(1, Math.max(1 / count, variances / correlations));
}

function meansOf(points: Float64Array, dimensions: number): Float64Array {
  const count = dimensions === 0 ? 0 : points.length / dimensions;
  const means = new Float64Array(dimensions);
  for (let i = 0; i < count; i++)
    for (let j = 0; j < dimensions; j++) means[j] += points[i * dimensions + j] / count;
  return means;
}

/** The lower Cholesky factor of a matrix; undefined where a dimension nearly follows from those before it. */
function cholesky(matrix: Float64Array, n: number): Float64Array | undefined {
  const factor = new Float64Array(n * n);
  for (let i = 0; i < n; i++)
    for (let j = 0; j <= i; j++) {
      let sum = matrix[i * n + j];
      for (let k = 0; k < j; k++) sum -= factor[i * n + k] * factor[j * n + k];
      if (i !== j) factor[i * n + j] = sum / factor[j * n + j];
      else if (sum > MIN_PIVOT * matrix[i * n + i]) factor[i * n + i] = Math.sqrt(sum);
      else return undefined;
    }
  return factor;
}

/** The inverse of a lower triangular matrix. */
function inverseOfLower(factor: Float64Array, n: number): Float64Array {
  const inverse = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    const row = inverse.subarray(i * n, (i + 1) * n);
    for (let k = 0; k < i; k++) {
      const weight = factor[i * n + k];
      for (let j = 0; j <= k; j++) row[j] -= weight * inverse[k * n + j];
    }
    row[i] = 1;
    for (let j = 0; j <= i; j++) row[j] /= factor[i * n + i];
  }
  return inverse;
}

/**
 * Minus half the squared distances of a point from the four that begin at the point number `first`; of points that are all further away
 * than `most`, a part of it. Four at once, so that an addition need not wait for the one before it.
 */
function writeExponents(
  point: Float64Array,
  n: number,
  points: Float64Array,
  first: number,
  most: number,
  exponents: Float64Array,
): void {
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  for (let j = 0, at = first * n; j < n && !(Math.min(a, b, c, d) > most); ) {
    for (const end = Math.min(n, j + STRIDE); j < end; j++, at += GROUP) {
      const value = point[j];
      const p = value - points[at];
      const q = value - points[at + 1];
      const r = value - points[at + 2];
      const s = value - points[at + 3];
      a += p * p;
      b += q * q;
      c += r * r;
      d += s * s;
    }
  }
  exponents[first] = -a / 2;
  exponents[first + 1] = -b / 2;
  exponents[first + 2] = -c / 2;
  exponents[first + 3] = -d / 2;
}
