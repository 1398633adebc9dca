import { HALF_MAX } from '../../model/half.ts';
import { DTYPES, readNumber, type Tensor } from '../../tensor/tensor.ts';
import { BFLOAT16_LIMITS, limitsOf } from './hazard.ts';

/** Bounds of all values of a tensor that are not NaN; both ends included. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** Any number. */
export const ANY: Interval = { low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY };
export const UNIT_INTERVAL: Interval = { low: 0, high: 1 };

/** Bound on a result's relative rounding error, larger than the errors of runtimes' single-precision approximations. */
export const ROUNDING_ERROR = 2 ** -18;
const HALF_ROUNDING_ERROR = 2 ** -8;
const BFLOAT16_ROUNDING_ERROR = 2 ** -5;
const BFLOAT16_INFO = { kind: 'float', min: -HALF_MAX.bfloat16, max: HALF_MAX.bfloat16 } as const;

/** The smallest interval of a tensor's values; any number if it is unknown, empty or holds a NaN. */
export function hull(tensor: Tensor | undefined): Interval {
  if (tensor === undefined) return ANY;
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < tensor.data.length; i++) {
    const value = readNumber(tensor.type, tensor.data, i);
    if (Number.isNaN(value)) return ANY;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return low > high ? ANY : { low, high };
}

/** The interval itself; any number if it is unknown or an end is NaN. */
export function anyIfNaN(interval: Interval | undefined): Interval {
  return interval === undefined || Number.isNaN(interval.low) || Number.isNaN(interval.high) ? ANY : interval;
}

/**
 * An interval after conversion to a type: widened by rounding errors, infinite beyond the largest number; for integers,
 * all of the type if it may wrap.
 *
 * @param isExact true if the values are copies, which are not rounded
 */
export function roundToType(
  { low, high }: Interval,
  type: Tensor['type'] | 'bfloat16',
  isExact: boolean,
): Interval {
  const { kind, min, max } = type === 'bfloat16' ? BFLOAT16_INFO : DTYPES[type];
  if (kind === 'bool') return UNIT_INTERVAL;
  if (kind === 'int')
    return low >= min && high <= max
      ? { low: Math.floor(low), high: Math.ceil(high) }
      : { low: min, high: max };
  const share =
    type === 'bfloat16' ? BFLOAT16_ROUNDING_ERROR : type === 'float16' ? HALF_ROUNDING_ERROR : ROUNDING_ERROR;
  const { tiny, epsilon } = type === 'bfloat16' ? BFLOAT16_LIMITS : limitsOf(type);
  // Below the smallest normal number errors are absolute, and runtimes may flush to zero.
  const normal = tiny / epsilon;
  const slack = (end: number): number =>
    isExact || !Number.isFinite(end) ? 0 : Math.abs(end) < normal ? normal : Math.abs(end) * share;
  // Rounding does not change the sign.
  const wider = {
    low: low >= 0 ? Math.max(0, low - slack(low)) : low - slack(low),
    high: high <= 0 ? Math.min(0, high + slack(high)) : high + slack(high),
  };
  // Values beyond the largest number overflow to infinity.
  return {
    low: wider.low < -max ? Number.NEGATIVE_INFINITY : wider.low,
    high: wider.high > max ? Number.POSITIVE_INFINITY : wider.high,
  };
}

/** Smallest normal number of a type: below it errors are absolute, and runtimes may flush operands and results to zero. */
export function smallestNormal(type: Tensor['type']): number {
  return type === 'float16' ? 2 ** -14 : type === 'float64' ? 2 ** -1022 : 2 ** -126;
}

/** Covers rounding of our own double-precision arithmetic, which is below 2⁻³⁵ of the errors that are bounded. */
const OWN_ROUNDING = 1 + 2 ** -9;

/**
 * Bound on the error of a sum relative to the magnitudes of its terms, for any order of summation and products that are rounded:
 * n · u / (1 − n · u) (Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., section 4.2), and not below that of
 * approximations.
 */
export function sumError(terms: number, type: Tensor['type']): number {
  const share = type === 'float16' ? HALF_ROUNDING_ERROR : ROUNDING_ERROR;
  return Math.max(share, (terms + 2) * limitsOf(type).epsilon) * OWN_ROUNDING;
}

/** An interval of operands as a runtime may read them that takes subnormal numbers for zero. */
export function flushed({ low, high }: Interval, type: Tensor['type'] | undefined): Interval {
  const normal = smallestNormal(type ?? 'float32');
  return { low: low > 0 && low < normal ? 0 : low, high: high < 0 && high > -normal ? 0 : high };
}

export function union(...intervals: readonly Interval[]): Interval {
  return {
    low: Math.min(...intervals.map(({ low }) => low)),
    high: Math.max(...intervals.map(({ high }) => high)),
  };
}

/** The smallest interval of some numbers; any number if one is NaN, as ∞ − ∞ is. */
export function enclose(...numbers: readonly number[]): Interval {
  return numbers.some(Number.isNaN) ? ANY : { low: Math.min(...numbers), high: Math.max(...numbers) };
}

export function add(a: Interval, b: Interval): Interval {
  const low = a.low + b.low;
  const high = a.high + b.high;
  return Number.isNaN(low) || Number.isNaN(high) ? ANY : { low, high };
}

export function negate({ low, high }: Interval): Interval {
  return { low: -high, high: -low };
}

/** Product of two ends, in which 0 · ∞ is 0: an infinite end means unbounded values, not infinity itself. */
export function multiplyEnds(x: number, y: number): number {
  return x === 0 || y === 0 ? 0 : x * y;
}

export function multiply(a: Interval, b: Interval): Interval {
  return enclose(
    multiplyEnds(a.low, b.low),
    multiplyEnds(a.low, b.high),
    multiplyEnds(a.high, b.low),
    multiplyEnds(a.high, b.high),
  );
}

export function invert({ low, high }: Interval): Interval {
  if (low <= 0 && high >= 0) return ANY;
  return { low: 1 / high, high: 1 / low };
}

export function square({ low, high }: Interval): Interval {
  const [a, b] = [low * low, high * high];
  return { low: low <= 0 && high >= 0 ? 0 : Math.min(a, b), high: Math.max(a, b) };
}
