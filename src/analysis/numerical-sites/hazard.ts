import { formatNumber } from '../../core/format-number.ts';
import { HALF_MAX } from '../../model/half.ts';
import { DTYPES, type DType } from '../../tensor/tensor.ts';

/**
 * Unsafe region of an operation's operand. `bound` is the value at which it begins; `unit` the distance between
 * floating-point numbers there, in which margins are measured.
 */
export type Hazard =
  /** At or below a bound; `strict` if the bound itself is safe. */
  | { readonly kind: 'below'; readonly bound: number; readonly unit: number; readonly strict?: boolean }
  /** At or above a bound; `strict` if the bound itself is safe. */
  | { readonly kind: 'above'; readonly bound: number; readonly unit: number; readonly strict?: boolean }
  /** At one value. */
  | { readonly kind: 'at'; readonly bound: number; readonly unit: number }
  /** At a pole of the tangent. */
  | { readonly kind: 'pole'; readonly unit: number }
  /** Below the largest value along an axis by more than a bound. */
  | { readonly kind: 'gap'; readonly bound: number; readonly unit: number; readonly axis: number }
  /** All values along an axis are −∞. */
  | { readonly kind: 'masked'; readonly axis: number }
  /** Every value of a group is in an unsafe region of its own, as if all units of a layer are dead. */
  | { readonly kind: 'all'; readonly each: Hazard }
  /** All values from an axis on, or of each channel group, are equal, so that their variance is zero. */
  | { readonly kind: 'flat'; readonly from: number; readonly groups?: number }
  | SumHazard;

/** What a sum adds up: values, their magnitudes or squares, squares of what they differ from their mean, exp(x − max). */
export type SumTerm = 'value' | 'magnitude' | 'square' | 'deviation' | 'exponential';

/**
 * A partial sum, of either sign, at or beyond a bound, although what comes of the sum may lie far below it: a mean, a root, a
 * share. Terms are added in memory order; over these axes, or over all from one on.
 */
export interface SumHazard {
  readonly kind: 'sum';
  readonly term: SumTerm;
  readonly over: { readonly axes: readonly number[] } | { readonly from: number };
  readonly bound: number;
  readonly unit: number;
}

/** Tensor to watch in an operand's place, and its unsafe region. */
export interface ProxyTensor {
  readonly tensor: string;
  readonly hazard: Hazard;
}

/** Limits and precision of a floating-point type. */
export interface FloatLimits {
  readonly max: number;
  /** Smallest number above zero. */
  readonly tiny: number;
  /** Distance between neighbouring numbers, relative to them. */
  readonly epsilon: number;
}

const LIMITS: Readonly<Record<'float16' | 'float32' | 'float64', FloatLimits>> = {
  float16: { max: DTYPES.float16.max, tiny: 2 ** -24, epsilon: 2 ** -10 },
  float32: { max: DTYPES.float32.max, tiny: 2 ** -149, epsilon: 2 ** -23 },
  float64: { max: DTYPES.float64.max, tiny: Number.MIN_VALUE, epsilon: Number.EPSILON },
};

/** The limits of bfloat16, whose tensors are of type float32. */
export const BFLOAT16_LIMITS: FloatLimits = { max: HALF_MAX.bfloat16, tiny: 2 ** -133, epsilon: 2 ** -7 };

/** The limits of a type; those of single precision if it is unknown. */
export function limitsOf(type: DType | undefined): FloatLimits {
  return type === 'float16' || type === 'float64' ? LIMITS[type] : LIMITS.float32;
}

/** Distance between floating-point numbers at a value. */
export function spacing(value: number, { tiny, epsilon }: FloatLimits): number {
  return Math.max(tiny, Math.abs(value) * epsilon);
}

export function below(bound: number, limits: FloatLimits, strict = false): Hazard {
  return { kind: 'below', bound, unit: spacing(bound, limits), ...(strict ? { strict } : {}) };
}

export function above(bound: number, limits: FloatLimits, strict = false): Hazard {
  return { kind: 'above', bound, unit: spacing(bound, limits), ...(strict ? { strict } : {}) };
}

export function at(bound: number, limits: FloatLimits): Hazard {
  return { kind: 'at', bound, unit: spacing(bound, limits) };
}

/** Magnitudes at or beyond a bound; each sign is a hazard of its own, since they are searched for separately. */
export function outside(bound: number, limits: FloatLimits, strict = false): readonly Hazard[] {
  return [above(bound, limits, strict), below(-bound, limits, strict)];
}

const SUM_TEXTS: Readonly<Record<SumTerm, (tensor: string) => string>> = {
  value: (tensor) => `Σ ${tensor}`,
  magnitude: (tensor) => `Σ |${tensor}|`,
  square: (tensor) => `Σ ${tensor}²`,
  deviation: (tensor) => `Σ (${tensor} − mean)²`,
  exponential: (tensor) => `Σ exp(${tensor} − max)`,
};

/** The unsafe region of a tensor for people. */
export function regionText(tensor: string, hazard: Hazard): string {
  switch (hazard.kind) {
    case 'below':
      return `${tensor} ${hazard.strict ? '<' : '≤'} ${formatNumber(hazard.bound)}`;
    case 'above':
      return `${tensor} ${hazard.strict ? '>' : '≥'} ${formatNumber(hazard.bound)}`;
    case 'at':
      return `${tensor} = ${formatNumber(hazard.bound)}`;
    case 'pole':
      return `${tensor} = π/2 + kπ`;
    case 'gap':
      return `max(${tensor}) − ${tensor} ≥ ${formatNumber(hazard.bound)}`;
    case 'masked':
      return `${tensor} = −∞ all along axis ${hazard.axis}`;
    case 'all':
      return `all ${regionText(tensor, hazard.each)}`;
    case 'flat':
      return `variance of ${tensor} = 0`;
    case 'sum':
      return `|${SUM_TEXTS[hazard.term](tensor)}| ≥ ${formatNumber(hazard.bound)}`;
  }
}

/**
 * The hazard of a tensor that has further axes behind the batch. Groups that are counted from the batch on become one:
 * that all of it is equal is what makes each of them so.
 */
export function behindFurtherAxes(hazard: Hazard, count: number): Hazard {
  const shifted = (axis: number): number => (axis > 0 ? axis + count : axis);
  switch (hazard.kind) {
    case 'gap':
    case 'masked':
      return { ...hazard, axis: shifted(hazard.axis) };
    case 'flat':
      return count === 0 ? hazard : { kind: 'flat', from: shifted(hazard.from) };
    case 'all':
      return { kind: 'all', each: behindFurtherAxes(hazard.each, count) };
    case 'sum': {
      const { over } = hazard;
      const moved = 'from' in over ? { from: shifted(over.from) } : { axes: over.axes.map(shifted) };
      return { ...hazard, over: moved };
    }
    default:
      return hazard;
  }
}

/** Number of times that a distance must halve to be smaller than a unit; 0 for distances up to 0. */
export function halvings(distance: number, unit: number): number {
  return distance <= 0 ? 0 : Math.log1p(distance / unit) / Math.LN2;
}

/** Number of times that a value, or 1, must double to reach a bound: far below it, distances are equal after rounding. */
function doublings(value: number, bound: number): number {
  return bound <= 1 ? 0 : Math.max(0, Math.log2(bound / Math.max(1, value)));
}

/**
 * Distance of a value from the unsafe region: log₂(1 + distance / unit), the number of times that the distance must
 * halve, plus for large bounds the number of times that the value must double; 0 within the region. One scale for all
 * operations, after the ULP distance of floating-point testing (Fu & Su, XSat, CAV 2016, section 4).
 *
 * @throws Error for hazards that concern several values at once
 */
export function marginOf(value: number, hazard: Hazard): number {
  if (Number.isNaN(value)) return Number.POSITIVE_INFINITY;
  switch (hazard.kind) {
    case 'below': {
      const margin = halvings(distanceTo(hazard, value - hazard.bound), hazard.unit);
      return margin === 0 ? 0 : margin + doublings(-value, -hazard.bound);
    }
    case 'above': {
      const margin = halvings(distanceTo(hazard, hazard.bound - value), hazard.unit);
      return margin === 0 ? 0 : margin + doublings(value, hazard.bound);
    }
    case 'at':
      return halvings(Math.abs(value - hazard.bound), hazard.unit);
    case 'pole': {
      const turns = value / Math.PI - 0.5;
      return halvings(Math.abs(turns - Math.round(turns)) * Math.PI, hazard.unit);
    }
    default:
      throw new Error(`a margin of ${hazard.kind} does not depend on one value`);
  }
}

/** Distance to the unsafe region, which begins one unit behind a strict bound. */
function distanceTo(
  { unit, strict }: Extract<Hazard, { readonly kind: 'below' | 'above' }>,
  toBound: number,
): number {
  return strict === true && toBound >= 0 ? toBound + unit : toBound;
}
