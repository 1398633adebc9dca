import { formatNumber } from '../core/format-number.ts';
import type { BatchTensor } from '../model/batched-model.ts';
import { type ClassGap, classGap, type GapBounds, isWithinNoise, smallerGap } from './class-gap.ts';
import { className, namedClasses } from './class-name.ts';
import type { Violation } from './objective.ts';
import { argmax, isInTop } from './output-difference.ts';
import { hasClasses, lastAxisLength } from './output-pair.ts';

/** Two predicted classes of one output, as text. */
export interface ClassPair {
  /** The output, with the position where it has several. */
  readonly where: string;
  readonly reference: string;
  readonly second: string;
  /** The value of the side's own class and that of the other side's class: `5.771 vs 5.646`. */
  readonly referenceValues: string;
  readonly secondValues: string;
}

/** Phrases for the two sides in summaries. */
export interface SideLabels {
  /** `in the original model`. */
  readonly reference: string;
  readonly second: string;
  /** The sentence for two classes. */
  describeClasses(pair: ClassPair): string;
}

/** Digits of the values of classes. */
const VALUE_DIGITS = 4;

/** A disagreement in one output, before it gets the objective's signature. */
export interface Disagreement {
  /** A part of the signature. */
  readonly kind: string;
  readonly summary: string;
  readonly details: Violation['details'];
}

/** One row of an output that both models have. */
export interface RowPair {
  readonly tensor: BatchTensor;
  readonly bounds: GapBounds;
  /** The reference's values, and the second model's. */
  readonly a: Float64Array;
  readonly b: Float64Array;
}

/**
 * Another class in the second model. Of several positions it is the one at which the smaller gap is largest; a tie where no gap is
 * beyond the noise.
 *
 * @param top the reference's class must be among so many of the second model's best; undefined where that is not asked
 */
export function findClassDisagreement(
  { tensor, bounds, a, b }: RowPair,
  top: number | undefined,
  labels: SideLabels,
): Disagreement | undefined {
  if (top === undefined || !hasClasses(tensor)) return undefined;
  const count = lastAxisLength(tensor);
  let strongest: { readonly from: number; readonly gap: ClassGap } | undefined;
  for (let from = 0; from < a.length; from += count) {
    if (isInTop(b, from, count, argmax(a, from, count), top)) continue;
    const gap = classGap(a, b, from, count, top);
    if (!isWithinNoise(gap, bounds) && smallerGap(gap) < bounds.confident) continue;
    if (strongest === undefined || isStronger(gap, strongest.gap, bounds)) strongest = { from, gap };
  }
  if (strongest === undefined) return undefined;
  const { from, gap } = strongest;
  const isTied = isWithinNoise(gap, bounds);
  const reference = argmax(a, from, count);
  const copy = argmax(b, from, count);
  const position = from / count;
  const where = tensor.size === count ? tensor.name : `${tensor.name}, position ${position}`;
  const names = [className(tensor, reference), className(tensor, copy)];
  const beyond = top === 1 ? '' : `; the second model's top ${top} does not contain ${names[0]}`;
  const tied = isTied ? `; a tie: ${noiseText(gap, bounds.noise)}` : '';
  const versus = (best: number, rival: number): string =>
    `${formatNumber(best, VALUE_DIGITS)} vs ${formatNumber(rival, VALUE_DIGITS)}`;
  const classes = labels.describeClasses({
    where,
    reference: names[0],
    second: names[1],
    referenceValues: versus(a[from + reference], a[from + copy]),
    secondValues: versus(b[from + copy], b[from + reference]),
  });
  return {
    kind: isTied ? 'tie' : 'class',
    summary: `${classes}${beyond}${tied}`,
    details: {
      reference,
      copy,
      ...namedClasses(tensor, { reference, copy }),
      position,
      referenceValues: [a[from + reference], a[from + copy]],
      copyValues: [b[from + reference], b[from + copy]],
      gap: { ...gap },
      ...(isTied ? { noise: { ...bounds.noise } } : {}),
    },
  };
}

/** Whether a gap is stronger than another: one beyond the noise is stronger than any within it. */
function isStronger(gap: ClassGap, other: ClassGap, bounds: GapBounds): boolean {
  const isTied = isWithinNoise(gap, bounds);
  if (isTied !== isWithinNoise(other, bounds)) return !isTied;
  return smallerGap(gap) > smallerGap(other);
}

/** The sides whose lead is within their noise. */
function noiseText(gap: ClassGap, noise: ClassGap): string {
  return (['reference', 'copy'] as const)
    .filter((side) => gap[side] <= noise[side])
    .map((side) => `a lead of ${formatNumber(gap[side])} is within the noise of ${formatNumber(noise[side])}`)
    .join(' and ');
}
