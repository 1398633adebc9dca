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

/** Array that mutators compute in: float32 for float32 inputs, float64 for all others, to be rounded afterwards. */
export type WorkingArray = Float32Array | Float64Array;

/** Legal interval of each position of a row: the input's range, intersected with the L∞ ball around the ancestor. */
export interface Bounds {
  readonly low: WorkingArray;
  readonly high: WorkingArray;
  /** Whether all positions have the same interval. */
  readonly uniform: boolean;
  /** Width of the input's whole range. */
  readonly width: number;
  /** Width of each position's range; undefined if all are `width`. */
  readonly widths: WorkingArray | undefined;
}

export function makeWorkingArray(type: DType, length: number): WorkingArray {
  return type === 'float32' ? new Float32Array(length) : new Float64Array(length);
}

/** Width of the range at a position; mutation strengths such as a sigma are relative to it. */
export function widthAt({ width, widths }: Bounds, position: number): number {
  return widths === undefined ? width : widths[position];
}

/** Constraints that determine an input's bounds. */
export interface BoundsOptions {
  readonly range: Range;
  /** Largest difference of a value from the ancestor's. */
  readonly linf?: number | undefined;
  /** Mask of a row: nonzero where the ancestor's value must stay. */
  readonly fixed?: Uint8Array | undefined;
  readonly columns?: readonly Column[] | undefined;
}

/**
 * Bounds of an input's rows: its range, intersected with the ball around the ancestor seed under an L∞ constraint.
 * TensorFuzz clips the difference to ±c and then the value to the range (lib/mutation_functions.py), which is the same
 * for a seed within the range. At fixed positions and columns both bounds are the ancestor's value.
 */
export class BoundsTracker implements Bounds {
  readonly low: WorkingArray;
  readonly high: WorkingArray;
  readonly width: number;
  readonly widths: WorkingArray | undefined;
  readonly uniform: boolean;
  /** Whether the bounds depend on the ancestor. */
  readonly isAnchored: boolean;
  readonly #type: DType;
  readonly #options: BoundsOptions;

  /** @param size values in a row */
  constructor(type: DType, size: number, options: BoundsOptions) {
    const { range, columns } = options;
    this.#type = type;
    this.#options = options;
    this.width = range.high - range.low;
    this.low = makeWorkingArray(type, size);
    this.high = makeWorkingArray(type, size);
    this.widths = range.channels === undefined ? undefined : makeWorkingArray(type, size);
    // Rounded once where they are the same everywhere: a row may have a million values.
    const isSame = range.channels === undefined && columns === undefined;
    for (let i = 0; i < (isSame ? Math.min(1, size) : size); i++) {
      const { low, high } = intervalAt(range, i, size);
      this.#setInterval(i, low, high);
      if (this.widths !== undefined) this.widths[i] = high - low;
    }
    if (isSame) {
      this.low.fill(this.low[0]);
      this.high.fill(this.high[0]);
    }
    this.isAnchored = isAnchored(options);
    this.uniform = !this.isAnchored && isSame;
  }

  /** Centres the bounds on an ancestor's row. */
  centreOn(ancestor: TensorData): this {
    const { linf, range, fixed, columns } = this.#options;
    if (!this.isAnchored) return this;
    const size = this.low.length;
    for (let i = 0; i < size; i++) {
      const seed = readNumber(this.#type, ancestor, i);
      const isFixed = Boolean(fixed?.[i]) || (columns !== undefined && columnAt(columns, i).kind === 'fixed');
      if (isFixed) {
        this.low[i] = seed;
        this.high[i] = seed;
      } else if (linf !== undefined) {
        const { low, high } = intervalAt(range, i, size);
        this.#setInterval(i, Math.max(low, seed - linf), Math.min(high, seed + linf));
        // seed ± linf is rounded too: step inward until the difference as computed is within linf.
        while (seed - this.low[i] > linf)
          this.#setInterval(i, this.#nextTowards(this.low[i], seed), this.high[i]);
        while (this.high[i] - seed > linf)
          this.#setInterval(i, this.low[i], this.#nextTowards(this.high[i], seed));
      }
    }
    return this;
  }

  /** Next value toward `goal`; in steps of float32 for narrower types, which only need a finer step. */
  #nextTowards(value: number, goal: number): number {
    return this.#type === 'float64' ? nextFloat64Towards(value, goal) : nextFloat32Towards(value, goal);
  }

  /**
   * Stores an interval rounded inward to the values of type and column, so that rounding a mutant does not leave it.
   */
  #setInterval(i: number, low: number, high: number): void {
    const { columns } = this.#options;
    const isInteger = columns !== undefined && columnAt(columns, i).kind === 'integer';
    this.low[i] = roundUpToType(this.#type, isInteger ? Math.ceil(low) : low);
    this.high[i] = -roundUpToType(this.#type, isInteger ? Math.ceil(-high) : -high);
  }
}

/** Whether bounds with these options depend on the ancestor. */
export function isAnchored({ linf, fixed, columns }: Omit<BoundsOptions, 'range'>): boolean {
  return linf !== undefined || fixed !== undefined || columns?.some(({ kind }) => kind === 'fixed') === true;
}

/** Smallest value of a type that is not below `value`. */
function roundUpToType(type: DType, value: number): number {
  if (DTYPES[type].kind !== 'float') return Math.ceil(value);
  if (type === 'float16') {
    const half = numberToHalf(value);
    if (halfToNumber(half) >= value) return halfToNumber(half);
    if (half === 0 || half === 0x8000) return halfToNumber(1);
    return halfToNumber(half & 0x8000 ? half - 1 : half + 1);
  }
  if (type === 'float32' && Math.fround(value) < value)
    return nextFloat32Towards(Math.fround(value), Number.POSITIVE_INFINITY);
  return type === 'float32' ? Math.fround(value) : value;
}

const float32Cell = new Float32Array(1);
const float32Bits = new Int32Array(float32Cell.buffer);

/** The float32 next to `value` in the direction of `goal`. */
function nextFloat32Towards(value: number, goal: number): number {
  if (value === goal) return value;
  float32Cell[0] = value;
  if (float32Cell[0] === 0) {
    float32Bits[0] = goal > 0 ? 1 : -0x7fffffff;
    return float32Cell[0];
  }
  float32Bits[0] += goal > value === value > 0 ? 1 : -1;
  return float32Cell[0];
}

const float64Cell = new Float64Array(1);
const float64Bits = new BigInt64Array(float64Cell.buffer);

/** The float64 next to `value` in the direction of `goal`. */
function nextFloat64Towards(value: number, goal: number): number {
  if (value === goal) return value;
  float64Cell[0] = value;
  if (float64Cell[0] === 0) return goal > 0 ? Number.MIN_VALUE : -Number.MIN_VALUE;
  float64Bits[0] += goal > value === value > 0 ? 1n : -1n;
  return float64Cell[0];
}
