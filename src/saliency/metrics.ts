/** Side of the windows of SSIM. */
export const WINDOW = 7;

/** Constants of SSIM (Wang et al. 2004), for a range of 1. */
const C1 = 0.01 ** 2;
const C2 = 0.03 ** 2;

/**
 * Spearman's rank correlation: Pearson's correlation of the ranks, with the mean rank for ties.
 *
 * @returns from −1 to 1; 0 where all values of a map are equal, or one is not finite
 */
export function spearman(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const first = centredRanks(a);
  const second = centredRanks(b);
  if (first === undefined || second === undefined) return 0;
  let product = 0;
  let firstSquares = 0;
  let secondSquares = 0;
  for (let i = 0; i < first.length; i++) {
    product += first[i] * second[i];
    firstSquares += first[i] * first[i];
    secondSquares += second[i] * second[i];
  }
  return Math.max(-1, Math.min(1, product / Math.sqrt(firstSquares * secondSquares)));
}

/** Ranks less their mean; undefined where they are all equal, or a value is not finite. */
function centredRanks(values: ArrayLike<number>): Float64Array | undefined {
  const { length } = values;
  const sorted = Float64Array.from(values).sort();
  if (length === 0 || !Number.isFinite(sorted[0]) || !Number.isFinite(sorted[length - 1])) return undefined;
  if (sorted[0] === sorted[length - 1]) return undefined;
  const mean = (length - 1) / 2;
  const rankOf = new Map<number, number>();
  for (let from = 0; from < length; ) {
    let to = from;
    while (to < length && sorted[to] === sorted[from]) to++;
    // A key of −0 is one of 0.
    rankOf.set(sorted[from], (from + to - 1) / 2 - mean);
    from = to;
  }
  return Float64Array.from(values, (value) => rankOf.get(value) ?? 0);
}

/**
 * Structural similarity of two maps, `[height, width]`, each divided by its largest magnitude: the mean over all windows of 7×7
 * that lie within, with equal weights, a range of 1 and sample covariances (Wang, Bovik, Sheikh & Simoncelli 2004, as
 * scikit-image computes it).
 *
 * @returns 0 where a map is 0 everywhere, or a value is not finite; undefined where a side is shorter than a window
 */
export function ssim(
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  height: number,
  width: number,
): number | undefined {
  if (height < WINDOW || width < WINDOW) return undefined;
  const x = normalized(a);
  const y = normalized(b);
  if (x === undefined || y === undefined) return 0;
  const count = WINDOW * WINDOW;
  const sums = [x, y, productOf(x, x), productOf(y, y), productOf(x, y)].map((values) =>
    windowSums(values, height, width),
  );
  const [ofX, ofY, ofXX, ofYY, ofXY] = sums;
  let total = 0;
  for (let i = 0; i < ofX.length; i++) {
    const meanX = ofX[i] / count;
    const meanY = ofY[i] / count;
    const varianceX = (ofXX[i] - count * meanX * meanX) / (count - 1);
    const varianceY = (ofYY[i] - count * meanY * meanY) / (count - 1);
    const covariance = (ofXY[i] - count * meanX * meanY) / (count - 1);
    total +=
      ((2 * meanX * meanY + C1) * (2 * covariance + C2)) /
      ((meanX * meanX + meanY * meanY + C1) * (varianceX + varianceY + C2));
  }
  return total / ofX.length;
}

/** Magnitudes divided by the largest; undefined where that is 0 or not finite. */
function normalized(values: ArrayLike<number>): Float64Array | undefined {
  let largest = 0;
  for (let i = 0; i < values.length; i++) {
    if (!Number.isFinite(values[i])) return undefined;
    largest = Math.max(largest, Math.abs(values[i]));
  }
  return largest === 0 ? undefined : Float64Array.from(values, (value) => Math.abs(value) / largest);
}

function productOf(a: Float64Array, b: Float64Array): Float64Array {
  return a.map((value, i) => value * b[i]);
}

/** Sums over all windows that lie within, row by row. */
function windowSums(values: Float64Array, height: number, width: number): Float64Array {
  const across = width - WINDOW + 1;
  const down = height - WINDOW + 1;
  const sums = new Float64Array(down * across);
  for (let y = 0; y < down; y++)
    for (let x = 0; x < across; x++) {
      let sum = 0;
      for (let dy = 0; dy < WINDOW; dy++) {
        const row = (y + dy) * width + x;
        for (let dx = 0; dx < WINDOW; dx++) sum += values[row + dx];
      }
      sums[y * across + x] = sum;
    }
  return sums;
}

/** How two maps compare. */
export interface Similarity {
  /** Rank correlation of the maps as they are, and of their magnitudes. */
  readonly signed: number;
  readonly abs: number;
  /** Absent for maps that are not pictures, or smaller than a window. */
  readonly ssim?: number;
}

export const METRICS = ['signed', 'abs', 'ssim'] as const;
export type Metric = (typeof METRICS)[number];
