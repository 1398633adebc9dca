import type { BatchTensor } from '../../../model/batched-model.ts';
import { DTYPES } from '../../../tensor/tensor.ts';

/** Values of one row whose differences are taken, at most: each takes two measurements. */
const MAX_VALUES = 2048;

/** Size of the differences, relative to a value and to the mean magnitude of its tensor. */
const RELATIVE_STEP = 2 ** -10;

/**
 * Derivatives of a measurement with respect to the values of a row, by central differences.
 *
 * @param tensors of one row each; only those of float32 are differentiated
 * @param measure called with the same tensors, in which one value differs
 * @returns by name; undefined where the measurement is not finite, has no slope, or there are too many values
 */
export function differenceSlope(
  tensors: readonly BatchTensor[],
  measure: (tensors: readonly BatchTensor[]) => number,
): ReadonlyMap<string, Float32Array> | undefined {
  const floats = tensors.filter(({ type }) => type === 'float32' && DTYPES[type].kind === 'float');
  const count = floats.reduce((sum, { size }) => sum + size, 0);
  if (count === 0 || count > MAX_VALUES || !Number.isFinite(measure(tensors))) return undefined;
  const slopes = new Map<string, Float32Array>();
  let hasSlope = false;
  for (const tensor of floats) {
    const data = tensor.data.slice() as Float32Array;
    const changed = tensors.map((other) => (other === tensor ? { ...tensor, data } : other));
    const scale = meanMagnitude(data);
    const slope = new Float32Array(tensor.size);
    for (let i = 0; i < tensor.size; i++) {
      const value = data[i];
      const step = RELATIVE_STEP * Math.max(Math.abs(value), scale);
      data[i] = value + step;
      const [above, high] = [measure(changed), data[i]];
      data[i] = value - step;
      const [below, low] = [measure(changed), data[i]];
      data[i] = value;
      const derivative = (above - below) / (high - low);
      if (!Number.isFinite(derivative) || derivative === 0) continue;
      slope[i] = derivative;
      hasSlope = true;
    }
    slopes.set(tensor.name, slope);
  }
  return hasSlope ? slopes : undefined;
}

/** 1 where all values are 0. */
function meanMagnitude(values: Float32Array): number {
  let sum = 0;
  let count = 0;
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    sum += Math.abs(value);
    count++;
  }
  return sum === 0 ? 1 : sum / count;
}
