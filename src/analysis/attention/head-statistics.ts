import { type DType, readNumber, sizeOf, type TensorData } from '../../tensor/tensor.ts';
import type { PlaceGrid } from './places.ts';
import type { WeightAxes } from './weight-axes.ts';

/** Weights of one input, `[heads, queries, keys]`. */
export interface HeadWeights {
  readonly heads: number;
  readonly queries: number;
  readonly keys: number;
  readonly values: Float64Array;
}

/** Attention weights with heads first and keys last. @param shape without the batch, of two axes at least */
export function headWeights(
  type: DType,
  data: TensorData,
  shape: readonly number[],
  { query, key }: WeightAxes,
): HeadWeights {
  const rank = shape.length;
  const [queryAxis, keyAxis] = [rank + query, rank + key];
  // Of heads that are joined with the batch, the first axis is gone.
  const heads = data.length / (shape[queryAxis] * shape[keyAxis]);
  const whole = heads === sizeOf(shape.filter((_, axis) => axis !== queryAxis && axis !== keyAxis));
  const sizes = whole ? shape : [heads, ...shape];
  const shift = sizes.length - rank;
  const order = [
    ...sizes.map((_, axis) => axis).filter((axis) => axis !== queryAxis + shift && axis !== keyAxis + shift),
    queryAxis + shift,
    keyAxis + shift,
  ];
  const strides = sizes.map((_, axis) => sizeOf(sizes.slice(axis + 1)));
  const values = new Float64Array(data.length);
  const index = new Array<number>(order.length).fill(0);
  let source = 0;
  for (let i = 0; i < values.length; i++) {
    values[i] = readNumber(type, data, source);
    for (let k = order.length - 1; k >= 0; k--) {
      index[k]++;
      source += strides[order[k]];
      if (index[k] < sizes[order[k]]) break;
      source -= sizes[order[k]] * strides[order[k]];
      index[k] = 0;
    }
  }
  return { heads, queries: shape[queryAxis], keys: shape[keyAxis], values };
}

/** Weight from which a query looks at one key alone. */
const SHARP = 0.99;

/** Magnitudes that exports write for masked scores beside −∞; a score may be added to them. */
const MASKS = [1e4, 65504, 1e9, 3.4028234663852886e38];

/** Share of its magnitude by which a masked score may differ from its mask. */
const MASK_SHARE = 0.1;

/**
 * Whether all scores between two are masked: they lie at one mask. A score of a key that is kept may be as low as that by itself, but
 * then not all of them are.
 */
function areMasked(least: number, most: number): boolean {
  return MASKS.some((mask, i) => {
    const isLargest = i === MASKS.length - 1;
    return most <= -(1 - MASK_SHARE) * mask && (isLargest || least >= -(1 + MASK_SHARE) * mask);
  });
}

/** Sums over the queries of a head, of one input. */
export interface HeadSums {
  rows: number;
  /** Queries whose weights are no numbers, or whose keys are all masked. */
  masked: number;
  /** The largest |sum of a query's weights − 1| of those that are not masked. */
  sumError: number;
  /** Sum of the entropies, each over the logarithm of the number of keys. */
  entropy: number;
  /** Queries with a weight above 0.99. */
  sharp: number;
  /** Sum of the mean distances, and the queries that have one. */
  distance: number;
  placed: number;
}

/**
 * What one head does with one input.
 *
 * @param scores of the same form, where a mask is laid over them; undefined for none
 * @param grid where queries and keys lie
 */
export function headSums(
  { queries, keys, values }: HeadWeights,
  head: number,
  scores: HeadWeights | undefined,
  grid: PlaceGrid,
): HeadSums {
  const sums: HeadSums = { rows: 0, masked: 0, sumError: 0, entropy: 0, sharp: 0, distance: 0, placed: 0 };
  for (let query = 0; query < queries; query++) {
    const from = (head * queries + query) * keys;
    let sum = 0;
    let entropy = 0;
    let largest = 0;
    let distance = 0;
    let placedWeight = 0;
    let [leastScore, mostScore] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (let key = 0; key < keys; key++) {
      const weight = values[from + key];
      sum += weight;
      if (weight > 0) entropy -= weight * Math.log(weight);
      largest = Math.max(largest, weight);
      const far = grid.distance(query, key);
      if (far !== undefined) {
        distance += weight * far;
        placedWeight += weight;
      }
      if (scores === undefined) continue;
      leastScore = Math.min(leastScore, scores.values[from + key]);
      mostScore = Math.max(mostScore, scores.values[from + key]);
    }
    sums.rows++;
    const isMasked =
      Number.isNaN(sum) || sum === 0 || (scores !== undefined && areMasked(leastScore, mostScore));
    if (isMasked) {
      sums.masked++;
      continue;
    }
    sums.sumError = Math.max(sums.sumError, Math.abs(sum - 1));
    sums.entropy += keys > 1 ? entropy / Math.log(keys) : 0;
    if (largest > SHARP) sums.sharp++;
    if (placedWeight > 0) {
      sums.distance += distance / placedWeight;
      sums.placed++;
    }
  }
  return sums;
}
