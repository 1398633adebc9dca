import { argmax, isDistribution, toLogit } from './output-difference.ts';
import type { DisagreementRules } from './output-pair.ts';

/**
 * By how much each of two models prefers its own class to the other's: the difference of their logits, or of the logarithms of
 * shares of one. At least 0.
 */
export interface ClassGap {
  readonly reference: number;
  readonly copy: number;
}

/** What a gap must exceed, and what it must reach, so that a disagreement counts. */
export interface GapBounds {
  /** Noise that each model's gap must exceed; −1 where it was not measured. */
  readonly noise: ClassGap;
  /** Least gap on both sides. */
  readonly confident: number;
}

/**
 * The bounds for an output, by the rules and by the noise that was measured of it: that of the noisier model for both, since a lead
 * below it may be lost on the way from one to the other.
 */
export function gapBounds(
  { confident, tellsTies }: Pick<DisagreementRules, 'confident' | 'tellsTies'>,
  reference: { readonly noise?: number },
  second: { readonly noise?: number },
): GapBounds {
  const noiseOf = ({ noise = -1 }: { readonly noise?: number }): number => (tellsTies ? noise : -1);
  const noise = Math.max(noiseOf(reference), noiseOf(second));
  return { noise: { reference: noise, copy: noise }, confident };
}

/**
 * The gap of a disagreement: the reference's class is not among the `top` best of the second model. With several, the
 * reference's gap is that over the best of these, the second model's that of the last of them.
 *
 * @param a the reference's values, and `b` the second model's, of which `count` from `from` on are classes
 */
export function classGap(
  a: Float64Array,
  b: Float64Array,
  from: number,
  count: number,
  top: number,
): ClassGap {
  const best = argmax(a, from, count);
  const referenceLogit = logitsOf(a, from, count);
  const copyLogit = logitsOf(b, from, count);
  const ranked = top === 1 ? [argmax(b, from, count)] : bestClasses(b, from, count, top);
  const last = ranked[ranked.length - 1];
  const runnerUp = ranked.reduce((most, k) => Math.max(most, referenceLogit(k)), Number.NEGATIVE_INFINITY);
  return {
    reference: finiteGap(referenceLogit(best), runnerUp),
    copy: finiteGap(copyLogit(last), copyLogit(best)),
  };
}

/** The smaller gap of the two: how strong the disagreement is. */
export function smallerGap({ reference, copy }: ClassGap): number {
  return Math.min(reference, copy);
}

/** Whether one side has no lead beyond its noise. */
export function isWithinNoise({ reference, copy }: ClassGap, { noise }: GapBounds): boolean {
  return reference <= noise.reference || copy <= noise.copy;
}

/** Whether a disagreement counts: each side's lead is beyond its noise and at least as large as asked. */
export function isStrong(gap: ClassGap, bounds: GapBounds): boolean {
  return !isWithinNoise(gap, bounds) && smallerGap(gap) >= bounds.confident;
}

/** The share of what is asked that the weaker side's gap has, from 0 to 1. */
export function strengthShare(gap: ClassGap, { noise, confident }: GapBounds): number {
  const shares = (['reference', 'copy'] as const).map((side) => {
    const needed = Math.max(noise[side], confident);
    return needed > 0 ? Math.min(1, gap[side] / needed) : Number(gap[side] > 0);
  });
  return Math.min(...shares);
}

/** Whether the bounds ask anything of a gap. */
export function areBounded({ noise, confident }: GapBounds): boolean {
  return noise.reference >= 0 || noise.copy >= 0 || confident > 0;
}

function logitsOf(values: Float64Array, from: number, count: number): (classIndex: number) => number {
  const areShares = isDistribution(values, from, count);
  return (classIndex) => toLogit(values[from + classIndex], areShares);
}

/** The `top` best classes, the best first; of equal ones the first. */
function bestClasses(values: Float64Array, from: number, count: number, top: number): number[] {
  return Array.from({ length: count }, (_, k) => k)
    .sort((i, j) => values[from + j] - values[from + i] || i - j)
    .slice(0, top);
}

/** A difference of logits as JSON can hold it: masked classes are −∞. */
function finiteGap(higher: number, lower: number): number {
  const gap = higher === lower ? 0 : higher - lower;
  return Math.min(Math.max(0, gap), Number.MAX_VALUE);
}
