import type { Rows } from '../models/rows.ts';
import {
  DTYPES,
  type DType,
  halfToNumber,
  numberToHalf,
  readNumber,
  type TensorData,
} from '../models/tensor.ts';
import type { Bounds, Values } from './bounds.ts';

/** An interval of numbers, both ends included. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** Legal values of one input. */
export interface Range extends Interval {
  /** Where they differ from channel to channel; `low` and `high` are then the outermost. */
  readonly channels?: readonly Interval[] | undefined;
  /** Whether a channel's values lie together, or those of one place. */
  readonly channelsFirst?: boolean | undefined;
}

/** Legal values at a position of a row of `size` values. */
export function intervalAt(range: Range, position: number, size: number): Interval {
  const { channels, channelsFirst } = range;
  if (channels === undefined) return range;
  return channels[
    channelsFirst ? Math.floor((position * channels.length) / size) : position % channels.length
  ];
}

/** How far a testcase lies from its ancestor seed, over all inputs. */
export interface Distance {
  readonly linf: number;
  readonly l2: number;
  readonly l0: number;
}

/** The array that mutators work in for a type: the input's own where it is a float array. */
export function workingArray(type: DType, length: number): Values {
  return type === 'float32' ? new Float32Array(length) : new Float64Array(length);
}

/**
 * Bounds of an input's rows: its range and, with an L-infinity constraint, the ball around the ancestor
 * seed. TensorFuzz clips the difference to ±c and then the value to the range (its
 * lib/mutation_functions.py); for a seed within the range that is clipping to the meet of both.
 */
export class BoundsKeeper implements Bounds {
  readonly low: Values;
  readonly high: Values;
  readonly width: number;
  readonly uniform: boolean;
  readonly #type: DType;
  readonly #range: Range;
  readonly #linf: number | undefined;

  /**
   * @param size values in a row
   * @param linf largest distance of any value from the ancestor's; undefined for none
   */
  constructor(type: DType, size: number, range: Range, linf: number | undefined) {
    this.#type = type;
    this.#range = range;
    this.#linf = linf;
    this.width = range.high - range.low;
    this.low = workingArray(type, size);
    this.high = workingArray(type, size);
    for (let i = 0; i < size; i++) {
      const { low, high } = intervalAt(range, i, size);
      this.#settle(i, low, high);
    }
    this.uniform = linf === undefined && range.channels === undefined;
  }

  /** Centres the bounds on an ancestor seed's row. */
  around(ancestor: TensorData): this {
    const linf = this.#linf;
    if (linf === undefined) return this;
    for (let i = 0; i < this.low.length; i++) {
      const seed = readNumber(this.#type, ancestor, i);
      const { low, high } = intervalAt(this.#range, i, this.low.length);
      this.#settle(i, Math.max(low, seed - linf), Math.min(high, seed + linf));
      // seed ± linf is rounded as well; a step inward makes the difference hold as a checker computes it.
      while (seed - this.low[i] > linf) this.#settle(i, towards(this.low[i], seed), this.high[i]);
      while (this.high[i] - seed > linf) this.#settle(i, this.low[i], towards(this.high[i], seed));
    }
    return this;
  }

  /** Stores bounds rounded inward to what the type holds, so that rounding a mutant stays within them. */
  #settle(i: number, low: number, high: number): void {
    this.low[i] = roundedUp(this.#type, low);
    this.high[i] = -roundedUp(this.#type, -high);
  }
}

/** The least value of a type that is not below `value`. */
function roundedUp(type: DType, value: number): number {
  if (DTYPES[type].kind !== 'float') return Math.ceil(value);
  if (type === 'float16') {
    const half = numberToHalf(value);
    if (halfToNumber(half) >= value) return halfToNumber(half);
    if (half === 0 || half === 0x8000) return halfToNumber(1);
    return halfToNumber(half & 0x8000 ? half - 1 : half + 1);
  }
  if (type === 'float32' && Math.fround(value) < value)
    return towards(Math.fround(value), Number.POSITIVE_INFINITY);
  return type === 'float32' ? Math.fround(value) : value;
}

const float = new Float32Array(1);
const bits = new Int32Array(float.buffer);

/** The next float32 from `value` on the way to `goal`. */
function towards(value: number, goal: number): number {
  if (value === goal) return value;
  float[0] = value;
  if (float[0] === 0) {
    bits[0] = goal > 0 ? 1 : -0x7fffffff;
    return float[0];
  }
  bits[0] += goal > value === value > 0 ? 1 : -1;
  return float[0];
}

/** Distances between a testcase and its ancestor of the same form, each input's values taken together. */
export function distanceBetween({ form, columns }: Rows, ancestor: Rows): Distance {
  let linf = 0;
  let squares = 0;
  let l0 = 0;
  form.inputs.forEach(({ type, size }, input) => {
    const [values, from] = [columns[input], ancestor.columns[input]];
    for (let i = 0; i < size; i++) {
      const far = Math.abs(readNumber(type, values, i) - readNumber(type, from, i));
      if (far === 0) continue;
      l0++;
      squares += far * far;
      if (far > linf) linf = far;
    }
  });
  return { linf, l2: Math.sqrt(squares), l0 };
}

/** Whether an input of this type can be mutated by adding noise to it. */
export function isNumeric(type: DType): boolean {
  return DTYPES[type].kind !== 'bool';
}
