import { type Bounds, type WorkingArray, widthAt } from '../../constraints/bounds.ts';
import type { Random } from '../../core/random.ts';

/** Halvings of an interval in which the length of a step, or a threshold, is sought: beyond single precision. */
const BISECTIONS = 30;

/** Doublings of a step before that. */
const MAX_DOUBLINGS = 40;

/** Error of a forecast that is none, relative to the distance: single precision. */
const FORECAST_ERROR = 2 ** -22;

/**
 * Writes the least change, in the Euclidean norm, within the bounds whose linear forecast covers a distance; the furthest that is legal
 * where none does. A negative distance is covered in the other direction.
 *
 * @param from the values to change; may be those of `out` itself from `offset` on
 * @param most values that may change: those whose move to the end of what is legal is forecast to cover the most
 */
export function stepToForecast(
  out: WorkingArray,
  offset: number,
  from: WorkingArray,
  derivatives: WorkingArray,
  bounds: Bounds,
  distance: number,
  most = from.length,
): void {
  const { low, high } = bounds;
  const sign = distance < 0 ? -1 : 1;
  const wanted = Math.abs(distance);
  const leastGain = most < from.length ? gainToExceed(from, derivatives, bounds, sign, most) : -1;
  const slopeAt = (i: number): number =>
    leastGain < 0 || gainAt(from, derivatives, bounds, sign, i) > leastGain ? sign * derivatives[i] : 0;
  const forecastOf = (length: number): number => {
    let covered = 0;
    for (let i = 0; i < from.length; i++) {
      const slope = slopeAt(i);
      if (slope === 0) continue;
      const value = Math.min(high[i], Math.max(low[i], from[i] - length * slope));
      covered += slope * (from[i] - value);
    }
    return covered;
  };
  let squares = 0;
  for (let i = 0; i < from.length; i++) squares += slopeAt(i) ** 2;
  const length = squares > 0 ? lengthFor(wanted, wanted / squares, forecastOf) : 0;
  for (let i = 0; i < from.length; i++) {
    const slope = slopeAt(i);
    const value = slope === 0 ? from[i] : from[i] - length * slope;
    out[offset + i] = Math.min(high[i], Math.max(low[i], value));
  }
}

/** The least length from a first guess on whose forecast covers a distance, or one that covers as much as any. */
function lengthFor(wanted: number, guess: number, forecastOf: (length: number) => number): number {
  let length = guess;
  let covered = forecastOf(length);
  // Nothing is clipped in most steps: the guess is right.
  if (covered >= wanted * (1 - FORECAST_ERROR)) return length;
  let short = length;
  for (let n = 0; n < MAX_DOUBLINGS && covered < wanted; n++) {
    const further = forecastOf(2 * length);
    if (further === covered) return length;
    short = length;
    length *= 2;
    covered = further;
  }
  for (let n = 0; n < BISECTIONS; n++) {
    const middle = (short + length) / 2;
    if (forecastOf(middle) < wanted) short = middle;
    else length = middle;
  }
  return length;
}

/** Moves all values along the slope, so that their change has a length in the Euclidean norm before it is clipped to the bounds. */
export function stepByLength(
  out: WorkingArray,
  offset: number,
  parent: WorkingArray,
  derivatives: WorkingArray,
  { low, high }: Bounds,
  length: number,
): void {
  let squares = 0;
  for (let i = 0; i < parent.length; i++) squares += derivatives[i] ** 2;
  const scale = squares > 0 ? length / Math.sqrt(squares) : 0;
  for (let i = 0; i < parent.length; i++)
    out[offset + i] = Math.min(high[i], Math.max(low[i], parent[i] - scale * derivatives[i]));
}

/** Moves a share of the values by equal steps, relative to their ranges, against the signs of the slope. */
export function stepBySign(
  out: WorkingArray,
  offset: number,
  parent: WorkingArray,
  derivatives: WorkingArray,
  bounds: Bounds,
  step: number,
  share: number,
  random: Random,
): void {
  const { low, high } = bounds;
  for (let i = 0; i < parent.length; i++) {
    const slope = derivatives[i];
    const moves = slope !== 0 && (share >= 1 || random.uniform() < share);
    const value = moves ? parent[i] - Math.sign(slope) * step * widthAt(bounds, i) : parent[i];
    out[offset + i] = Math.min(high[i], Math.max(low[i], value));
  }
}

/** Moves the values to the end of what is legal whose move is forecast to cover the most. */
export function moveSteepest(
  out: WorkingArray,
  offset: number,
  parent: WorkingArray,
  derivatives: WorkingArray,
  bounds: Bounds,
  count: number,
): void {
  const leastGain = gainToExceed(parent, derivatives, bounds, 1, count);
  for (let i = 0; i < parent.length; i++) {
    const moves = derivatives[i] !== 0 && gainAt(parent, derivatives, bounds, 1, i) > leastGain;
    out[offset + i] = moves ? endAt(derivatives[i], bounds, i) : parent[i];
  }
}

/** The end of what is legal in the direction against a slope. */
function endAt(slope: number, { low, high }: Bounds, i: number): number {
  return slope > 0 ? low[i] : high[i];
}

/** What a value's move to the end of what is legal is forecast to cover. */
function gainAt(
  from: WorkingArray,
  derivatives: WorkingArray,
  bounds: Bounds,
  sign: number,
  i: number,
): number {
  return Math.abs(derivatives[i] * (from[i] - endAt(sign * derivatives[i], bounds, i)));
}

/** The greatest gain that so many values exceed, more where some gain the same; by bisection, since nothing may be sorted into a new array. */
function gainToExceed(
  from: WorkingArray,
  derivatives: WorkingArray,
  bounds: Bounds,
  sign: number,
  count: number,
): number {
  let most = 0;
  for (let i = 0; i < from.length; i++) most = Math.max(most, gainAt(from, derivatives, bounds, sign, i));
  let least = 0;
  for (let n = 0; n < BISECTIONS; n++) {
    const middle = (least + most) / 2;
    let above = 0;
    for (let i = 0; i < from.length; i++) if (gainAt(from, derivatives, bounds, sign, i) > middle) above++;
    if (above >= count) least = middle;
    else most = middle;
  }
  return least;
}
