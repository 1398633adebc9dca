import { halfToNumber, numberToHalf } from '../../tensor/tensor.ts';

const scratch = new Float32Array(1);
const bits = new Uint32Array(scratch.buffer);

/** Rounds a single-precision number to bfloat16, its upper 16 bits, to nearest even. */
export function roundToBfloat16(value: number): number {
  scratch[0] = value;
  if (Number.isNaN(scratch[0])) return Number.NaN;
  bits[0] = (bits[0] + 0x7fff + ((bits[0] >>> 16) & 1)) & 0xffff0000;
  return scratch[0];
}

/** Rounds a number to half precision, to nearest even. */
export function roundToFloat16(value: number): number {
  return halfToNumber(numberToHalf(value));
}
