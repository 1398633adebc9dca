import type { BatchTensor } from '../model/batched-model.ts';
import { readNumber } from '../tensor/tensor.ts';

/** The values of one row, in an array that is written over when asked for more. */
export class RowReader {
  #buffer = new Float64Array(64);

  read({ type, size, data }: BatchTensor, row: number): Float64Array {
    if (this.#buffer.length < size) this.#buffer = new Float64Array(2 * size);
    const out = this.#buffer.subarray(0, size);
    const from = row * size;
    if (type === 'float32') for (let i = 0; i < size; i++) out[i] = data[from + i] as number;
    else for (let i = 0; i < size; i++) out[i] = readNumber(type, data, from + i);
    return out;
  }
}

/** The place of the greatest of `count` values from `from` on, the first of equal ones; NaN is never the greatest. */
export function argmax(values: Float64Array, from = 0, count = values.length): number {
  let best = 0;
  for (let k = 1; k < count; k++) {
    const least = values[from + best];
    if (values[from + k] > least || Number.isNaN(least)) best = k;
  }
  return best;
}

/** Whether a place is among the `count` greatest. */
export function isInTop(
  values: Float64Array,
  from: number,
  length: number,
  place: number,
  count: number,
): boolean {
  let above = 0;
  const own = values[from + place];
  for (let k = 0; k < length; k++)
    if (values[from + k] > own || (values[from + k] === own && k < place)) above++;
  return above < count;
}

/** The first value that is not finite on one side and something else on the other; −1 where there is none. */
export function firstFinitenessMismatch(reference: Float64Array, copy: Float64Array): number {
  for (let i = 0; i < reference.length; i++) {
    const [a, b] = [reference[i], copy[i]];
    if (Number.isFinite(a) ? !Number.isFinite(b) : !Object.is(a, b)) return i;
  }
  return -1;
}

/** The cosine of the angle between two vectors; 1 where both are zero. */
export function cosineSimilarity(reference: Float64Array, copy: Float64Array): number {
  let product = 0;
  let own = 0;
  let other = 0;
  for (let i = 0; i < reference.length; i++) {
    product += reference[i] * copy[i];
    own += reference[i] * reference[i];
    other += copy[i] * copy[i];
  }
  if (own === 0 || other === 0) return own === other ? 1 : 0;
  return Math.min(1, product / Math.sqrt(own * other));
}

/** Whether values are shares of one already, as a softmax makes them. */
export function isDistribution(values: Float64Array, from = 0, count = values.length): boolean {
  let sum = 0;
  for (let k = 0; k < count; k++) {
    const value = values[from + k];
    if (!(value >= 0 && value <= 1)) return false;
    sum += value;
  }
  return Math.abs(sum - 1) < 1e-2;
}

/** Least share that counts: what is below is as good as never. */
const MIN_PROBABILITY = 2 ** -126;

/** Logarithms of the shares that values stand for, up to one number for all: of shares their own, else the values. */
export function toLogit(value: number, areShares: boolean): number {
  return areShares ? Math.log(Math.max(value, MIN_PROBABILITY)) : value;
}

/**
 * Kullback-Leibler divergence of the copy's softmax from the reference's, in nats, summed over the last axis and the
 * greatest of all positions. Values that are shares already are taken as they are.
 *
 * @param count length of the last axis
 */
export function klDivergence(reference: Float64Array, copy: Float64Array, count: number): number {
  let most = 0;
  for (let from = 0; from < reference.length; from += count) {
    const areShares = isDistribution(reference, from, count) && isDistribution(copy, from, count);
    const own = logSumExp(reference, from, count, areShares);
    const other = logSumExp(copy, from, count, areShares);
    let sum = 0;
    for (let k = 0; k < count; k++) {
      const p = toLogit(reference[from + k], areShares) - own;
      const q = toLogit(copy[from + k], areShares) - other;
      sum += Math.exp(p) * (p - q);
    }
    if (sum > most) most = sum;
  }
  return most;
}

/** Logarithm of the sum of exponentials. */
export function logSumExp(values: Float64Array, from: number, count: number, areShares: boolean): number {
  let most = Number.NEGATIVE_INFINITY;
  for (let k = 0; k < count; k++) most = Math.max(most, toLogit(values[from + k], areShares));
  let sum = 0;
  for (let k = 0; k < count; k++) sum += Math.exp(toLogit(values[from + k], areShares) - most);
  return most + Math.log(sum);
}
