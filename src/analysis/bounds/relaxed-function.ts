/** A function of one number, with what its linear bounds are found by. */
export interface RelaxedFunction {
  readonly f: (x: number) => number;
  /** Places at which f(x) − slope · x may be least or largest, beside the ends of an interval. */
  readonly turning: (slope: number) => readonly number[];
  /** Slopes of a lower and an upper line over an interval; any is sound. */
  readonly slopes: (low: number, high: number) => readonly [lower: number, upper: number];
  /** Bound on the absolute error of runtimes' approximations, beside that of rounding the result. */
  readonly approximation: number;
  /** Least magnitude of operands, where flushing them to zero would change the result by more than rounding does. */
  readonly isSingularAtZero?: true;
}

/** A line's slope and offset. */
export interface Line {
  readonly slope: number;
  readonly offset: number;
}

/** Covers the rounding of our own double-precision arithmetic, relative to the magnitudes of what is added up. */
export const OWN_SLACK = 2 ** -40;

/** Lines below and above a function over an interval with finite ends; undefined where it has none. */
export function linesOver(
  { f, turning, slopes }: RelaxedFunction,
  low: number,
  high: number,
): { readonly lower: Line; readonly upper: Line } | undefined {
  const [lowerSlope, upperSlope] = slopes(low, high);
  const lower = offsetOf(f, turning, lowerSlope, low, high, Math.min);
  const upper = offsetOf(f, turning, upperSlope, low, high, Math.max);
  if (!Number.isFinite(lower) || !Number.isFinite(upper)) return undefined;
  return { lower: { slope: lowerSlope, offset: lower }, upper: { slope: upperSlope, offset: upper } };
}

/** The least or largest value of f(x) − slope · x, rounded outward. */
function offsetOf(
  f: (x: number) => number,
  turning: (slope: number) => readonly number[],
  slope: number,
  low: number,
  high: number,
  choose: (...values: number[]) => number,
): number {
  const places = [low, high, ...turning(slope).filter((x) => x > low && x < high)];
  const values = places.map((x) => f(x) - slope * x);
  const magnitude =
    Math.abs(slope) * Math.max(Math.abs(low), Math.abs(high)) +
    Math.max(...places.map((x) => Math.abs(f(x))));
  const slack = magnitude * OWN_SLACK;
  return choose(...values) + (choose === Math.min ? -slack : slack);
}

/** The slope between a function's values at two places; 0 where they are one. */
export function secant(f: (x: number) => number, low: number, high: number): number {
  const slope = (f(high) - f(low)) / (high - low);
  return Number.isFinite(slope) ? slope : 0;
}

/** Chooses the slopes of lines below and above a function. */
export type Slopes = RelaxedFunction['slopes'];

/** A convex function: a tangent below, a secant above. */
export const convex =
  (f: (x: number) => number, slopeBelow: (low: number, high: number) => number): Slopes =>
  (low, high) => [slopeBelow(low, high), secant(f, low, high)];

/** A concave function: a secant below, a tangent above. */
export const concave =
  (f: (x: number) => number, slopeAbove: (low: number, high: number) => number): Slopes =>
  (low, high) => [secant(f, low, high), slopeAbove(low, high)];
