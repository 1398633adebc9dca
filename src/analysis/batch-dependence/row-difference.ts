import { DTYPES, type DType, readNumber, type TensorData } from '../../tensor/tensor.ts';
import { MIN_SNR_DB } from '../layer-divergence.ts';

/** Values of one testcase in a tensor: of `data`, those from `from` on. */
export interface RowValues {
  readonly type: DType;
  readonly data: TensorData;
  readonly from: number;
  readonly size: number;
}

/** A row of a batch's tensor. */
export function rowValues({ type, data, size }: Omit<RowValues, 'from'>, row: number): RowValues {
  return { type, data, size, from: row * size };
}

/**
 * Largest difference of two runs that counts as rounding, as a share of the tensor's largest value. Sums of n terms that are
 * formed in two orders differ by about √n · 2⁻²⁴ of their terms in float32 (Higham, Accuracy and Stability of Numerical
 * Algorithms, 2002, section 2.8): this share is that of n = 28,000, more than a layer of usual width adds up.
 */
export const ROUNDING_SHARE = 1e-5;

/** Share of a signal's amplitude from which on a difference is no rounding, wherever it comes from. */
const DEPARTURE_SHARE = 10 ** (-MIN_SNR_DB / 20);

/**
 * The largest difference between a row's values in two runs, as a share of the largest value; infinite where one has a NaN, an
 * infinity or a whole number that the other does not have.
 */
export function largestDifference(a: RowValues, b: RowValues): number {
  const { type, size } = a;
  if (b.size !== size || b.type !== type) return Number.POSITIVE_INFINITY;
  let largest = 0;
  let difference = 0;
  for (let i = 0; i < size; i++) {
    const [x, y] = [readNumber(type, a.data, a.from + i), readNumber(type, b.data, b.from + i)];
    if (Number.isFinite(x)) largest = Math.max(largest, Math.abs(x));
    if (Object.is(x, y) || x === y) continue;
    if (DTYPES[type].kind !== 'float' || !Number.isFinite(x - y)) return Number.POSITIVE_INFINITY;
    difference = Math.max(difference, Math.abs(x - y));
  }
  return difference === 0 ? 0 : difference / Math.max(largest, Number.MIN_VALUE);
}

/**
 * The share of a row's amplitude, √(Σ a²), by which it differs in another run; infinite where only one of them is finite, 0 for
 * values that have no amplitude.
 */
export function amplitudeDifference(a: RowValues, b: RowValues): number {
  const { type, size } = a;
  if (DTYPES[type].kind !== 'float') return 0;
  let signal = 0;
  let noise = 0;
  for (let i = 0; i < size; i++) {
    const [x, y] = [readNumber(type, a.data, a.from + i), readNumber(type, b.data, b.from + i)];
    if (Object.is(x, y) || x === y) {
      if (Number.isFinite(x)) signal += x * x;
      continue;
    }
    if (!Number.isFinite(x - y)) return Number.POSITIVE_INFINITY;
    signal += x * x;
    noise += (x - y) ** 2;
  }
  return noise === 0 ? 0 : Math.sqrt(noise / Math.max(signal, Number.MIN_VALUE));
}

/** Whether a row differs between runs of one size, in which only its neighbours differ: the kernels round alike in both. */
export function dependsOnNeighbours(a: RowValues, b: RowValues): boolean {
  return largestDifference(a, b) > ROUNDING_SHARE;
}

/**
 * Whether a row differs between runs of different sizes, or at different places in them, by more than rounding: other kernels
 * may run there, and a value that lies between two levels of a quantized tensor may become the other one.
 */
export function dependsOnPlace(a: RowValues, b: RowValues): boolean {
  return amplitudeDifference(a, b) > DEPARTURE_SHARE;
}

/** Tensors of a row, in the same order in every run. */
type RowTensors = readonly { readonly type: DType; readonly data: TensorData }[];

/**
 * Whether the answers to a testcase depend on the rest of its batch; false where a run is missing.
 *
 * @param alone its outputs in a run of its own
 * @param copies its outputs at its place in a batch of copies of itself
 * @param together its outputs in the batch
 */
export function dependsOnBatch(
  alone: RowTensors | undefined,
  copies: RowTensors | undefined,
  together: RowTensors | undefined,
): boolean {
  if (alone === undefined || copies === undefined || together === undefined) return false;
  return together.some((_, i) => {
    const [single, uniform, mixed] = [alone[i], copies[i], together[i]].map(wholeTensor);
    return dependsOnNeighbours(uniform, mixed) || dependsOnPlace(single, uniform);
  });
}

function wholeTensor({ type, data }: RowTensors[number]): RowValues {
  return { type, data, from: 0, size: data.length };
}
