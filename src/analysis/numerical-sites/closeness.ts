import { formatNumber } from '../../core/format-number.ts';
import { type Hazard, marginOf } from './hazard.ts';
import type { HazardTarget } from './site.ts';

/** How close a run came to an operation's unsafe region, in the operand's own numbers. */
export interface Closeness {
  /** What is measured: `largest operand`. */
  readonly measure: string;
  /** Its most extreme value in any run. */
  readonly value: number;
  /** Where the unsafe region begins. */
  readonly bound: number;
  /** What happens there, up to the bound: `overflows at`. */
  readonly outcome: string;
}

/** The nearest that any run came to one of a site's targets. */
export interface NearestTarget {
  readonly target: HazardTarget;
  /** The least margin of it, as `marginsOf` measures. */
  readonly margin: number;
}

/** Kinds of sites whose results are too large at the bound; the others are not defined there. */
const OVERFLOWING: ReadonlySet<string> = new Set([
  'softplus',
  'exp',
  'expm1',
  'pow',
  'log-softmax-range',
  'sinh',
  'batch-norm',
  'lp-norm',
  'product',
  'log-sum-exp',
  'sum-of-squares',
  'cast',
  'half-sum',
  'attention',
  'recurrence',
]);

/** Kinds whose unsafe operand is a divisor. */
const DIVIDING: ReadonlySet<string> = new Set(['div', 'l2-norm', 'integer-division', 'mod']);

/** What `marginsOf` adds to a proxy's margin. */
const ABOVE_PROXY = 1;

/**
 * The value and the bound behind a margin: the margin of one value grows with its distance from the region, so that the distance
 * follows from it.
 *
 * @param kind of the site, one of `SITE_KINDS`
 * @returns undefined for a margin of 0, and where the margin is not that of one value
 */
export function closenessOf({ target, margin }: NearestTarget, kind: string): Closeness | undefined {
  if (!(margin > 0)) return undefined;
  const { hazard, proxy } = target;
  if (proxy === undefined) return describe(hazard, margin, kind, roleOf(kind));
  if (hazard.kind === 'masked') return describe(hazard, margin, kind, '');
  if (margin <= ABOVE_PROXY) return undefined;
  const role = `value of ${proxy.tensor}`;
  return describe(proxy.hazard, margin - ABOVE_PROXY, kind, role);
}

function roleOf(kind: string): string {
  return DIVIDING.has(kind) ? 'divisor' : kind === 'product' || kind === 'recurrence' ? 'result' : 'operand';
}

function describe(hazard: Hazard, margin: number, kind: string, role: string): Closeness | undefined {
  const verb = OVERFLOWING.has(kind) ? 'overflows' : 'fails';
  switch (hazard.kind) {
    case 'above':
    case 'below': {
      const isAbove = hazard.kind === 'above';
      // A large negative operand overflows as a large one does; at zero or one a function has its end.
      const isFar = Math.abs(hazard.bound) > 1;
      const value = valueAt(hazard, margin);
      return {
        measure: `${isAbove ? 'largest' : 'smallest'} ${role}`,
        value,
        bound: hazard.bound,
        outcome: `${isFar ? verb : 'fails'} ${hazard.strict === true ? (isAbove ? 'above' : 'below') : 'at'}`,
      };
    }
    case 'at':
      return {
        measure:
          hazard.bound === 0
            ? `smallest magnitude of the ${role}`
            : `smallest distance of the ${role} from ${formatNumber(hazard.bound)}`,
        value: distanceOf(margin, hazard.unit),
        bound: 0,
        outcome: 'fails at',
      };
    case 'pole':
      return {
        measure: 'smallest distance from a pole',
        value: distanceOf(margin, hazard.unit),
        bound: 0,
        outcome: 'fails at',
      };
    case 'gap':
      return {
        measure: 'largest difference of logits',
        value: hazard.bound - distanceOf(margin, hazard.unit),
        bound: hazard.bound,
        outcome: 'underflows at',
      };
    case 'flat':
      return {
        measure: 'smallest spread of values',
        value: distanceOf(margin, SMALLEST_FLOAT),
        bound: 0,
        outcome: 'fails at',
      };
    case 'sum':
      return {
        measure: 'largest partial sum',
        value: valueAt({ kind: 'above', bound: hazard.bound, unit: hazard.unit }, margin),
        bound: hazard.bound,
        outcome: 'overflows at',
      };
    case 'masked':
      return count('fewest unmasked values', 2 ** margin);
    case 'all':
      return count(
        `fewest values of ${role.replace(/^value of /, '')} outside the unsafe region`,
        2 ** margin,
      );
  }
}

/** The smallest number above zero in single precision, in which spreads are measured. */
const SMALLEST_FLOAT = 2 ** -149;

/** Distance whose number of halvings is the margin: see `halvings`. */
function distanceOf(margin: number, unit: number): number {
  return unit * Math.expm1(margin * Math.LN2);
}

/** A count that is a margin's whole part, above which the nearest of them weighs less than one. */
function count(measure: string, power: number): Closeness {
  const value = Math.max(1, Math.ceil(power - COUNT_ERROR) - 1);
  return { measure, value, bound: 0, outcome: 'fails at' };
}

/** More than the rounding of a power of two of a logarithm. */
const COUNT_ERROR = 1e-6;

/** Steps of the bisection: as many as a number has bits. */
const BISECTIONS = 64;

/** The value outside an unsafe region with a margin: `marginOf` grows with the distance. */
function valueAt(hazard: Extract<Hazard, { readonly kind: 'above' | 'below' }>, margin: number): number {
  const valueBehind = (halved: number): number => {
    const toBound = distanceOf(halved, hazard.unit) - (hazard.strict === true ? hazard.unit : 0);
    return hazard.kind === 'above' ? hazard.bound - toBound : hazard.bound + toBound;
  };
  let [low, high] = [0, margin];
  for (let i = 0; i < BISECTIONS; i++) {
    const middle = (low + high) / 2;
    if (marginOf(valueBehind(middle), hazard) < margin) low = middle;
    else high = middle;
  }
  return valueBehind(high);
}

/** Digits of a value: so many, or as many more as tell it from its bound. */
const MIN_DIGITS = 3;
const MAX_DIGITS = 9;

/** The closeness for people: `largest operand 65.1, overflows at 88.7`. */
export function closenessText({ measure, value, bound, outcome }: Closeness): string {
  let digits = MIN_DIGITS;
  while (digits < MAX_DIGITS && formatNumber(value, digits) === formatNumber(bound, digits)) digits++;
  return `${measure} ${formatNumber(value, digits)}, ${outcome} ${formatNumber(bound, digits)}`;
}
