import { formatNumber } from '../../core/format-number.ts';
import { DTYPES, type DType } from '../../tensor/tensor.ts';

/**
 * Where an operation's operand must not be. `bound` is a value that the operand may come to; `unit` the distance
 * between floating-point numbers there, in which margins count.
 */
export type Hazard =
  /** At or below a bound; `strict` where the bound itself is safe. */
  | { readonly kind: 'below'; readonly bound: number; readonly unit: number; readonly strict?: boolean }
  /** At or above a bound; `strict` where the bound itself is safe. */
  | { readonly kind: 'above'; readonly bound: number; readonly unit: number; readonly strict?: boolean }
  /** At one value. */
  | { readonly kind: 'at'; readonly bound: number; readonly unit: number }
  /** At a pole of the tangent. */
  | { readonly kind: 'pole'; readonly unit: number }
  /** Farther below the largest value along an axis than a bound. */
  | { readonly kind: 'gap'; readonly bound: number; readonly unit: number; readonly axis: number }
  /** All values along an axis are −∞. */
  | { readonly kind: 'masked'; readonly axis: number }
  /** Every value of a group is within a hazard of its own, as all units of a layer are dead. */
  | { readonly kind: 'all'; readonly each: Hazard }
  /** All values from an axis on, or of each channel, are the same, so that they have no variance. */
  | { readonly kind: 'flat'; readonly from: number; readonly groups?: number };

/** The largest and smallest numbers of a floating-point type, and what follows from them. */
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

/** The limits of a type; those of single precision for what is not known. */
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

/** As far from zero as a bound, or farther: each side is a hazard of its own, since the way to it is another. */
export function outside(bound: number, limits: FloatLimits, strict = false): readonly Hazard[] {
  return [above(bound, limits, strict), below(-bound, limits, strict)];
}

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
  }
}

/** Number of halvings after which a distance is smaller than a unit; 0 for none. */
export function halvings(distance: number, unit: number): number {
  return distance <= 0 ? 0 : Math.log1p(distance / unit) / Math.LN2;
}

/** Number of doublings from a value, or from 1, to a bound above it: a distance says nothing while it is all there is. */
function doublings(value: number, bound: number): number {
  return bound <= 1 ? 0 : Math.max(0, Math.log2(bound / Math.max(1, value)));
}

/**
 * How far a value is from a hazard that concerns it alone: log₂(1 + distance / unit), the number of times that the
 * distance must halve, and toward large bounds the number of times that the value must double; 0 within the hazard.
 * One scale for all operations, after the ULP distance of floating-point testing (Fu & Su, XSat, CAV 2016, section 4).
 */
export function marginOf(value: number, hazard: Hazard): number {
  if (Number.isNaN(value)) return Number.POSITIVE_INFINITY;
  const strictly = (distance: number, strict = false): number =>
    strict && distance >= 0 ? distance + (hazard as { unit: number }).unit : distance;
  switch (hazard.kind) {
    case 'below': {
      const left = halvings(strictly(value - hazard.bound, hazard.strict), hazard.unit);
      return left === 0 ? 0 : left + doublings(-value, -hazard.bound);
    }
    case 'above': {
      const left = halvings(strictly(hazard.bound - value, hazard.strict), hazard.unit);
      return left === 0 ? 0 : left + doublings(value, hazard.bound);
    }
    case 'at':
      return halvings(Math.abs(value - hazard.bound), hazard.unit);
    case 'pole': {
      const turns = value / Math.PI - 0.5;
      return halvings(Math.abs(turns - Math.round(turns)) * Math.PI, hazard.unit);
    }
    default:
      throw new Error(`a margin of ${hazard.kind} is no matter of one value`);
  }
}
