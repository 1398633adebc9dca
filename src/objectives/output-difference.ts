import type { BatchTensor } from '../model/batched-model.ts';
import { readNumber } from '../tensor/tensor.ts';

/** Reads rows of tensors as float64. The returned array is reused by the next call. */
export class RowReader {
  #buffer = new Float64Array(64);

  read({ type, size, data }: BatchTensor, row: number): Float64Array {
    if (this.#buffer.length < size) this.#buffer = new Float64Array(2 * size);
    const out = this.#buffer.subarray(0, size);
    const from = row * size;
    if (type === 'float32') for (let i = 0; i < size; i++) out[i] = Number(data[from + i]);
    else for (let i = 0; i < size; i++) out[i] = readNumber(type, data, from + i);
    return out;
  }
}

/** Index, counted from `from`, of the greatest of `count` values: the first of equal ones, NaN never. */
export function argmax(values: Float64Array, from = 0, count = values.length): number {
  let best = 0;
  for (let k = 1; k < count; k++) {
    const greatest = values[from + best];
    if (values[from + k] > greatest || Number.isNaN(greatest)) best = k;
  }
  return best;
}

/**
 * Whether a class is among the `count` greatest of `length` values; of equal values the first ranks higher.
 *
 * @param from position of class 0 in `values`
 */
export function isInTop(
  values: Float64Array,
  from: number,
  length: number,
  classIndex: number,
  count: number,
): boolean {
  let above = 0;
  const value = values[from + classIndex];
  for (let k = 0; k < length; k++)
    if (values[from + k] > value || (values[from + k] === value && k < classIndex)) above++;
  return above < count;
}

/** Index of the first value that is NaN or infinite in one array and different in the other; −1 if there is none. */
export function firstFinitenessMismatch(reference: Float64Array, second: Float64Array): number {
  for (let i = 0; i < reference.length; i++) {
    const [a, b] = [reference[i], second[i]];
    if (Number.isFinite(a) ? !Number.isFinite(b) : !Object.is(a, b)) return i;
  }
  return -1;
}

/** Cosine of the angle between two vectors; 1 if both are zero, 0 if one of them is. */
export function cosineSimilarity(reference: Float64Array, second: Float64Array): number {
  let product = 0;
  let referenceSquares = 0;
  let secondSquares = 0;
  for (let i = 0; i < reference.length; i++) {
    product += reference[i] * second[i];
    referenceSquares += reference[i] * reference[i];
    secondSquares += second[i] * second[i];
  }
  if (referenceSquares === 0 || secondSquares === 0) return referenceSquares === secondSquares ? 1 : 0;
  return Math.min(1, product / Math.sqrt(referenceSquares * secondSquares));
}

/** Whether values are probabilities that sum to 1 (within 1 %), such as the output of a softmax. */
export function isDistribution(values: Float64Array, from = 0, count = values.length): boolean {
  let sum = 0;
  for (let k = 0; k < count; k++) {
    const value = values[from + k];
    if (!(value >= 0 && value <= 1)) return false;
    sum += value;
  }
  return Math.abs(sum - 1) < 1e-2;
}

/** Probabilities below this, the smallest normal float32, are treated as this. */
const MIN_PROBABILITY = 2 ** -126;

/** Logit of a model output, up to a constant per row: the logarithm of a probability, any other value unchanged. */
export function toLogit(value: number, isProbability: boolean): number {
  return isProbability ? Math.log(Math.max(value, MIN_PROBABILITY)) : value;
}

/**
 * Kullback-Leibler divergence KL(reference ‖ second) of the softmaxes in nats, summed over the last axis; the greatest
 * over all positions. Values that are probabilities already are not passed through a softmax again.
 *
 * @param count length of the last axis
 */
export function klDivergence(reference: Float64Array, second: Float64Array, count: number): number {
  let greatest = 0;
  for (let from = 0; from < reference.length; from += count) {
    const areProbabilities = isDistribution(reference, from, count) && isDistribution(second, from, count);
    const referenceNorm = logSumExp(reference, from, count, areProbabilities);
    const secondNorm = logSumExp(second, from, count, areProbabilities);
    let sum = 0;
    for (let k = 0; k < count; k++) {
      const p = toLogit(reference[from + k], areProbabilities) - referenceNorm;
      const q = toLogit(second[from + k], areProbabilities) - secondNorm;
      sum += Math.exp(p) * (p - q);
    }
    if (sum > greatest) greatest = sum;
  }
  return greatest;
}

/** Logarithm of the sum of the exponentials of the logits, shifted by the greatest so that none overflows. */
export function logSumExp(
  values: Float64Array,
  from: number,
  count: number,
  areProbabilities: boolean,
): number {
  let greatest = Number.NEGATIVE_INFINITY;
  for (let k = 0; k < count; k++) greatest = Math.max(greatest, toLogit(values[from + k], areProbabilities));
  let sum = 0;
  for (let k = 0; k < count; k++) sum += Math.exp(toLogit(values[from + k], areProbabilities) - greatest);
  return greatest + Math.log(sum);
}
