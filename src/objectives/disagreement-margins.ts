import type { BatchResult } from '../model/batched-model.ts';
import { DTYPES } from '../tensor/tensor.ts';
import { areBounded, classGap, type GapBounds, gapBounds, isStrong, strengthShare } from './class-gap.ts';
import type { Measurement } from './comparators/comparator.ts';
import { MIN_MARGIN, UNKNOWN_MARGIN } from './margin.ts';
import { TWO_SIDED_MARGINS } from './objective.ts';
import {
  argmax,
  cosineSimilarity,
  isDistribution,
  isInTop,
  klDivergence,
  type RowReader,
  toLogit,
} from './output-difference.ts';
import { type DisagreementRules, hasClasses, lastAxisLength, matchOutputs } from './output-pair.ts';

/** Classes with a margin of their own; further ones share the margins of class k mod this. */
const MAX_CLASSES = TWO_SIDED_MARGINS / 2;

/** Relative error of rounding to float32: half a unit in the last place. */
const ROUNDING = 2 ** -24;

/**
 * Weight of the models' difference in the margin; the rest is the gap between two classes. Narrowing the gap leads to a
 * tie, and the difference decides how close a tie must be. The difference varies at random from mutant to mutant, so
 * at full weight the search keeps mutants that happen to differ much and narrows no gap: 70 digits of 100 came to
 * disagree, against all 40 tried with this weight.
 */
const DIFFERENCE_WEIGHT = 0.1;

/** Unit of the gap relative to the values: the order of rounding to half precision. */
const GAP_UNIT = 2 ** -14;

/**
 * Margins of a row for a two-sided search. Per class, how far it is from a tie with the best other class: doublings of
 * the gap over rounding and over the difference of the two models. The first half is for classes that lose, the second
 * half for the class that wins. A tie is none yet, where the models' noise is known: there the margin is what its smaller gap
 * lacks. One margin follows for each of atol, cosine and kl that is set.
 *
 * @param out receives the margins
 * @returns number of margins
 */
export function disagreementMargins(
  result: BatchResult,
  row: number,
  rules: DisagreementRules,
  referenceReader: RowReader,
  secondReader: RowReader,
  out: Float64Array,
): number {
  const pairs = matchOutputs(result).map(({ reference, second }) => ({
    reference,
    bounds: gapBounds(rules, reference, second),
    read: () => [referenceReader.read(reference, row), secondReader.read(second, row)] as const,
  }));
  let used = TWO_SIDED_MARGINS;
  out.fill(UNKNOWN_MARGIN, 0, used);
  const { top, atol, cosine, kl } = rules;
  if (top !== undefined) {
    for (const { reference, bounds, read } of pairs)
      if (hasClasses(reference)) writeClassMargins(...read(), lastAxisLength(reference), top, bounds, out);
  }
  for (const [rule, bound] of [
    ['atol', atol],
    ['cosine', cosine],
    ['kl', kl],
  ] as const) {
    if (bound === undefined) continue;
    let smallest = UNKNOWN_MARGIN;
    for (const { reference, read } of pairs) {
      if (DTYPES[reference.type].kind !== 'float') continue;
      const [a, b] = read();
      smallest = Math.min(smallest, ruleMargin(rule, bound, rules.rtol, a, b, lastAxisLength(reference)));
    }
    out[used++] = smallest;
  }
  return used;
}

/**
 * Margin of a disagreement whose gap is 0 where a larger one is asked for; it falls to 0 as the gap grows. Rows that agree lie
 * above it, so that the search goes on from a tie.
 */
const WEAKEST_MARGIN = 1;

/** @param count length of the last axis */
function writeClassMargins(
  a: Float64Array,
  b: Float64Array,
  count: number,
  top: number,
  bounds: GapBounds,
  out: Float64Array,
): void {
  const weakest = areBounded(bounds) ? WEAKEST_MARGIN : 0;
  for (let from = 0; from < a.length; from += count) {
    const areProbabilities = isDistribution(a, from, count);
    const best = argmax(a, from, count);
    const bestLogit = toLogit(a[from + best], areProbabilities);
    const bestDifference = Math.abs(bestLogit - toLogit(b[from + best], areProbabilities));
    let nearest = UNKNOWN_MARGIN;
    for (let k = 0; k < count; k++) {
      if (k === best) continue;
      const logit = toLogit(a[from + k], areProbabilities);
      const difference = Math.abs(logit - toLogit(b[from + k], areProbabilities));
      const differenceUnit =
        bestDifference + difference + ROUNDING * (Math.abs(bestLogit) + Math.abs(logit)) + Number.MIN_VALUE;
      const gap = bestLogit - logit;
      const gapUnit = GAP_UNIT * (Math.abs(bestLogit) + Math.abs(logit)) + Number.MIN_VALUE;
      const doublings =
        (1 - DIFFERENCE_WEIGHT) * Math.log2(1 + gap / gapUnit) +
        DIFFERENCE_WEIGHT * Math.log2(1 + gap / differenceUnit);
      const margin = weakest + Math.max(MIN_MARGIN, doublings);
      const loser = k % MAX_CLASSES;
      if (margin < out[loser]) out[loser] = margin;
      if (margin < nearest) nearest = margin;
    }
    const winner = MAX_CLASSES + (best % MAX_CLASSES);
    if (nearest < out[winner]) out[winner] = nearest;
    if (isInTop(b, from, count, best, top)) continue;
    const gap = classGap(a, b, from, count, top);
    const margin = isStrong(gap, bounds)
      ? 0
      : Math.max(MIN_MARGIN, weakest * (1 - strengthShare(gap, bounds)));
    for (const side of [winner, argmax(b, from, count) % MAX_CLASSES])
      out[side] = Math.min(out[side], margin);
  }
}

/** Doublings that a measure is short of its bound; 0 if the rule is broken. */
function ruleMargin(
  rule: 'atol' | 'cosine' | 'kl',
  bound: number,
  rtol: number,
  a: Float64Array,
  b: Float64Array,
  count: number,
): number {
  if (rule === 'cosine') {
    const similarity = cosineSimilarity(a, b);
    return doublingsBelow(1 - bound, 1 - similarity, similarity < bound);
  }
  if (rule === 'kl') {
    const divergence = klDivergence(a, b, count);
    return doublingsBelow(bound, divergence, divergence > bound);
  }
  let smallest = UNKNOWN_MARGIN;
  for (let i = 0; i < a.length; i++) {
    const allowed = bound + rtol * Math.abs(a[i]);
    const difference = Math.abs(a[i] - b[i]);
    smallest = Math.min(smallest, doublingsBelow(allowed, difference, difference > allowed));
  }
  return smallest;
}

/**
 * Doublings that the measurement of a comparator that is nearest to its bound is short of it; 0 if one is broken. Where nothing is
 * allowed, a measurement says nothing until it is broken.
 */
export function comparatorMargin(measurements: readonly Measurement[]): number {
  let least = UNKNOWN_MARGIN;
  for (const { distance, allowed } of measurements) {
    if (distance > allowed) return 0;
    if (allowed > 0) least = Math.min(least, doublingsBelow(allowed, distance, false));
  }
  return least;
}

function doublingsBelow(allowed: number, measured: number, isBroken: boolean): number {
  if (isBroken) return 0;
  const [limit, current] = [allowed, measured].map((value) => Math.log2(Math.max(value, Number.MIN_VALUE)));
  return Math.max(MIN_MARGIN, limit - current);
}
