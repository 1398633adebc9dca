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
export type WorkingArray = Float32Array | Float64Array;

/** Legal values of each position of a row: the input's range, narrowed to the ball around the ancestor. */
export interface Bounds {
  readonly low: WorkingArray;
  readonly high: WorkingArray;
  /** Whether `low` and `high` hold one value each throughout. */
  readonly uniform: boolean;
  /** Width of the input's whole range. */
  readonly width: number;
  /** Width of each position's own range, where they differ. */
  readonly widths: WorkingArray | undefined;
}

/** The array that mutators work in for a type: the input's own where it is a float array. */
export function makeWorkingArray(type: DType, length: number): WorkingArray {
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
export class BoundsTracker implements Bounds {
  readonly low: WorkingArray;
  readonly high: WorkingArray;
  readonly width: number;
  readonly widths: WorkingArray | undefined;
  readonly uniform: boolean;
  /** Whether they depend on the ancestor. */
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
    for (let i = 0; i < size; i++) {
      const { low, high } = intervalAt(range, i, size);
      this.#setInterval(i, low, high);
      if (this.widths !== undefined) this.widths[i] = high - low;
    }
    this.isAnchored = isAnchored(options);
    this.uniform = !this.isAnchored && range.channels === undefined && columns === undefined;
  }

  /** Centres the bounds on an ancestor's row. */
  centreOn(ancestor: TensorData): this {
    const { linf, range, fixed, columns } = this.#options;
    if (!this.isAnchored) return this;
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
        this.#setInterval(i, Math.max(low, seed - linf), Math.min(high, seed + linf));
        // seed ± linf is rounded as well; a step inward makes the difference hold as a checker computes it.
        while (seed - this.low[i] > linf)
          this.#setInterval(i, this.#nextTowards(this.low[i], seed), this.high[i]);
        while (this.high[i] - seed > linf)
          this.#setInterval(i, this.low[i], this.#nextTowards(this.high[i], seed));
      }
    }
    return this;
  }

  /** The next value that the type can hold, or a nearer one, on the way to `goal`. */
  #nextTowards(value: number, goal: number): number {
    return this.#type === 'float64' ? nextFloat64Towards(value, goal) : nextFloat32Towards(value, goal);
  }

  /** Stores bounds rounded inward to what type and column hold, so that rounding a mutant stays within them. */
  #setInterval(i: number, low: number, high: number): void {
    const { columns } = this.#options;
    const whole = columns !== undefined && columnAt(columns, i).kind === 'integer';
    this.low[i] = roundUpToType(this.#type, whole ? Math.ceil(low) : low);
    this.high[i] = -roundUpToType(this.#type, whole ? Math.ceil(-high) : -high);
  }
}

/** Whether bounds of these options depend on the ancestor. */
export function isAnchored({ linf, fixed, columns }: Omit<BoundsOptions, 'range'>): boolean {
  return linf !== undefined || fixed !== undefined || columns?.some(({ kind }) => kind === 'fixed') === true;
}

/** The least value of a type that is not below `value`. */
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

/** The next float32 from `value` on the way to `goal`. */
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

/** The next float64 from `value` on the way to `goal`. */
function nextFloat64Towards(value: number, goal: number): number {
  if (value === goal) return value;
  float64Cell[0] = value;
  if (float64Cell[0] === 0) return goal > 0 ? Number.MIN_VALUE : -Number.MIN_VALUE;
  float64Bits[0] += goal > value === value > 0 ? 1n : -1n;
  return float64Cell[0];
}
