import { DTYPES, type DType, halfToNumber, numberToHalf } from '../tensor/tensor.ts';

const floats = new Float32Array(1);
const floatBits = new Int32Array(floats.buffer);
const doubles = new Float64Array(1);
const doubleBits = new BigInt64Array(doubles.buffer);

/**
 * A split value of a decision tree as an input's type holds it, with the nearest numbers of that type below and above: the
 * least and the greatest changes that lead to either child.
 */
export function splitNeighbours(type: DType, split: number): [below: number, at: number, above: number] {
  if (DTYPES[type].kind !== 'float') return [Math.ceil(split) - 1, Math.floor(split), Math.floor(split) + 1];
  if (type === 'float64') return [nextDouble(split, -1n), split, nextDouble(split, 1n)];
  if (type === 'float16') return [nextHalf(split, -1), halfToNumber(numberToHalf(split)), nextHalf(split, 1)];
  return [nextFloat(split, -1), Math.fround(split), nextFloat(split, 1)];
}

/** The next float32 up (1) or down (−1). */
function nextFloat(value: number, direction: 1 | -1): number {
  floats[0] = value;
  if (floats[0] === 0) return direction * 2 ** -149;
  floatBits[0] += floats[0] > 0 ? direction : -direction;
  return floats[0];
}

/** The next float16 up (1) or down (−1). */
function nextHalf(value: number, direction: 1 | -1): number {
  const bits = numberToHalf(value);
  const isZero = (bits & 0x7fff) === 0;
  if (isZero) return direction * 2 ** -24;
  return halfToNumber(bits + ((bits & 0x8000) === 0 ? direction : -direction));
}

/** The next float64 up (1) or down (−1). */
function nextDouble(value: number, direction: 1n | -1n): number {
  if (value === 0) return Number(direction) * Number.MIN_VALUE;
  doubles[0] = value;
  doubleBits[0] += value > 0 ? direction : -direction;
  return doubles[0];
}
