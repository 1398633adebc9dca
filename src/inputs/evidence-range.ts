import type { InputEvidence, NormalizationEvidence } from '../model/input-evidence.ts';
import type { InputSpec } from '../model/model.ts';
import { DTYPES } from '../tensor/tensor.ts';
import type { InputKind } from './input-kind.ts';
import type { Interval, Range } from './range.ts';

/** Deviations on either side of the mean: 99.7 % of normally distributed values. */
const DEVIATIONS = 3;

/** How far beyond the least and the greatest split value of a column its range reaches, as a share of the way between them. */
const SPLIT_MARGIN = 0.25;

/** Largest mean and three deviations of pixels from 0 to 1 that ImageNet's means and deviations come near to. */
const MAX_UNIT_PIXEL = 2;

/** A range with the reason for it, a clause for messages. */
export interface GuessedRange {
  readonly range: Range;
  readonly reason: string;
}

/**
 * The range of an input that its model's first operations assume: from the values of a normalization or a division by
 * 255, or from the split values of decision trees. Undefined where they say nothing.
 *
 * @param input without the batch dimension
 */
export function evidenceRange(
  input: InputSpec,
  kind: InputKind,
  { interval, normalization, splits }: InputEvidence,
): GuessedRange | undefined {
  if (splits !== undefined) {
    const channels = splits.values.map((values) => typed(input, splitInterval(values)));
    return {
      range: { ...spanning(channels), channelsFirst: false },
      reason: `by the split values of ${splits.by}`,
    };
  }
  if (interval !== undefined) {
    const range = typed(input, { low: interval.low, high: interval.high });
    return { range, reason: `by ${interval.by} at its start` };
  }
  return normalization === undefined ? undefined : normalizedRange(input, kind, normalization);
}

function normalizedRange(
  input: InputSpec,
  kind: InputKind,
  { by, mean, deviation, axis }: NormalizationEvidence,
): GuessedRange | undefined {
  const intervals = mean.map((centre, c) =>
    typed(input, {
      low: centre - DEVIATIONS * deviation[c],
      high: centre + DEVIATIONS * deviation[c],
    }),
  );
  if (intervals.some(({ low, high }) => !Number.isFinite(low) || !Number.isFinite(high) || low >= high))
    return undefined;
  if (kind === 'image') return { range: pixelRange(intervals), reason: `by ${by} at its start` };
  const reason = `${DEVIATIONS} standard deviations about the mean in ${by}`;
  const isLast = axis === input.shape.length;
  const isFirst = axis === 1 && !isLast;
  if (intervals.length === 1 || !(isFirst || isLast)) {
    const { low, high } = spanning(intervals);
    return { range: { low, high }, reason };
  }
  return { range: { ...spanning(intervals), channelsFirst: isFirst }, reason };
}

/** Pixels from 0 to 1 where mean and deviation are of such, else levels of 0 to 255. */
function pixelRange(intervals: readonly Interval[]): Range {
  const { low, high } = spanning(intervals);
  if (low < 0 && -low >= high / 2) return { low, high };
  return high <= MAX_UNIT_PIXEL ? { low: 0, high: 1 } : { low: 0, high: 255 };
}

/** A column without split values is not looked at: any numbers will do. */
function splitInterval(values: readonly number[]): Interval {
  if (values.length === 0) return { low: 0, high: 1 };
  const [least, most] = [values[0], values[values.length - 1]];
  const margin = most > least ? SPLIT_MARGIN * (most - least) : Math.max(1, Math.abs(most));
  return { low: least - margin, high: most + margin };
}

function spanning(channels: readonly Interval[]): Range {
  return {
    low: Math.min(...channels.map(({ low }) => low)),
    high: Math.max(...channels.map(({ high }) => high)),
    channels,
  };
}

/** An interval in the values that the input's type can hold. */
function typed({ type }: InputSpec, { low, high }: Interval): Interval {
  const { kind, min, max } = DTYPES[type];
  const round = (value: number, to: (value: number) => number): number =>
    Math.min(max, Math.max(min, kind === 'float' ? value : to(value)));
  return { low: round(low, Math.floor), high: round(high, Math.ceil) };
}
