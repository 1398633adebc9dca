import { intervalAt, type Range } from '../inputs/range.ts';
import { type Column, columnAt } from '../inputs/table-column.ts';
import {
  DTYPES,
  type DType,
  halfToNumber,
  numberToHalf,
  readNumber,
  type TensorData,
} from '../tensor/tensor.ts';

/** Values as mutators see them: floats as they are, integers and bools as float64 to be rounded after. */
export type Values = Float32Array | Float64Array;

/** Legal values of each position of a row: the input's range, narrowed to the ball around the ancestor. */
export interface Bounds {
  readonly low: Values;
  readonly high: Values;
  /** Whether `low` and `high` hold one value each throughout. */
  readonly uniform: boolean;
  /** Width of the input's whole range. */
  readonly width: number;
  /** Width of each position's own range, where they differ. */
  readonly widths: Values | undefined;
}

/** The array that mutators work in for a type: the input's own where it is a float array. */
export function workingArray(type: DType, length: number): Values {
  return type === 'float32' ? new Float32Array(length) : new Float64Array(length);
}

/** Width of the range at a position of a row: what amounts such as a sigma are shares of. */
export function widthAt({ width, widths }: Bounds, position: number): number {
  return widths === undefined ? width : widths[position];
}

/** What narrows the bounds of an input. */
export interface BoundsOptions {
  readonly range: Range;
  /** Largest distance of any value from the ancestor's. */
  readonly linf?: number | undefined;
  /** Positions that keep the ancestor's value: those that are not 0. */
  readonly fixed?: Uint8Array | undefined;
  readonly columns?: readonly Column[] | undefined;
}

/**
 * Bounds of an input's rows: its range and, with an L-infinity constraint, the ball around the ancestor
 * seed. TensorFuzz clips the difference to ±c and then the value to the range (its
 * lib/mutation_functions.py); for a seed within the range that is clipping to the meet of both. Positions and
 * columns that are fixed have the ancestor's value at both ends.
 */
export class BoundsKeeper implements Bounds {
  readonly low: Values;
  readonly high: Values;
  readonly width: number;
  readonly widths: Values | undefined;
  readonly uniform: boolean;
  /** Whether they depend on the ancestor. */
  readonly anchored: boolean;
  readonly #type: DType;
  readonly #options: BoundsOptions;

  /** @param size values in a row */
  constructor(type: DType, size: number, options: BoundsOptions) {
    const { range, columns } = options;
    this.#type = type;
    this.#options = options;
    this.width = range.high - range.low;
    this.low = workingArray(type, size);
    this.high = workingArray(type, size);
    this.widths = range.channels === undefined ? undefined : workingArray(type, size);
    for (let i = 0; i < size; i++) {
      const { low, high } = intervalAt(range, i, size);
      this.#settle(i, low, high);
      if (this.widths !== undefined) this.widths[i] = high - low;
    }
    this.anchored = isAnchored(options);
    this.uniform = !this.anchored && range.channels === undefined && columns === undefined;
  }

  /** Centres the bounds on an ancestor's row. */
  around(ancestor: TensorData): this {
    const { linf, range, fixed, columns } = this.#options;
    if (!this.anchored) return this;
    const size = this.low.length;
    for (let i = 0; i < size; i++) {
      const seed = readNumber(this.#type, ancestor, i);
      const stays =
        fixed?.[i] || (columns !== undefined && columnAt(columns, i).kind === 'fixed') || undefined;
      if (stays) {
        this.low[i] = seed;
        this.high[i] = seed;
      } else if (linf !== undefined) {
        const { low, high } = intervalAt(range, i, size);
        this.#settle(i, Math.max(low, seed - linf), Math.min(high, seed + linf));
        // seed ± linf is rounded as well; a step inward makes the difference hold as a checker computes it.
        while (seed - this.low[i] > linf) this.#settle(i, this.#towards(this.low[i], seed), this.high[i]);
        while (this.high[i] - seed > linf) this.#settle(i, this.low[i], this.#towards(this.high[i], seed));
      }
    }
    return this;
  }

  /** The next value that the type can hold, or a nearer one, on the way to `goal`. */
  #towards(value: number, goal: number): number {
    return this.#type === 'float64' ? towardsDouble(value, goal) : towards(value, goal);
  }

  /** Stores bounds rounded inward to what type and column hold, so that rounding a mutant stays within them. */
  #settle(i: number, low: number, high: number): void {
    const { columns } = this.#options;
    const whole = columns !== undefined && columnAt(columns, i).kind === 'integer';
    this.low[i] = roundedUp(this.#type, whole ? Math.ceil(low) : low);
    this.high[i] = -roundedUp(this.#type, whole ? Math.ceil(-high) : -high);
  }
}

/** Whether bounds of these options depend on the ancestor. */
export function isAnchored({ linf, fixed, columns }: Omit<BoundsOptions, 'range'>): boolean {
  return linf !== undefined || fixed !== undefined || columns?.some(({ kind }) => kind === 'fixed') === true;
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

const double = new Float64Array(1);
const doubleBits = new BigInt64Array(double.buffer);

/** The next float64 from `value` on the way to `goal`. */
function towardsDouble(value: number, goal: number): number {
  if (value === goal) return value;
  double[0] = value;
  if (double[0] === 0) return goal > 0 ? Number.MIN_VALUE : -Number.MIN_VALUE;
  doubleBits[0] += goal > value === value > 0 ? 1n : -1n;
  return double[0];
}
