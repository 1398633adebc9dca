import type { BatchTensor } from '../model/batched-model.ts';
import type { MarginSlope } from './objective.ts';
import { argmax, isDistribution, type RowReader, toLogit } from './output-difference.ts';

/** Where two classes of one output part: the greater one, and the one that is to overtake it. */
interface ClassPair {
  /** Position of the output's first class. */
  readonly from: number;
  readonly leader: number;
  readonly rival: number;
  /** In logits. */
  readonly gap: number;
}

/** Which two classes are to change places. */
export interface RivalRule {
  /** Whether a class may be the rival, by its number and that of the best class. */
  readonly isRival: (classNumber: number, best: number) => boolean;
  /** The class that is to lose; the best one by default. */
  readonly leaderOf?: (values: Float64Array, from: number) => number;
  /** Place of the rival among those that may be, the nearest first; 0 by default. */
  readonly rank?: number | undefined;
}

/**
 * The slope of the gap between the best class and a rival, in logits: of shares, the gap of their logarithms.
 *
 * @param count length of the last axis
 * @param second the same output of a second model, whose gap differs: see `MarginSlope.beyond`
 */
export function classSlope(
  output: BatchTensor,
  row: number,
  count: number,
  reader: RowReader,
  rule: RivalRule,
  second?: Float64Array,
): MarginSlope | undefined {
  const values = reader.read(output, row);
  const pair = findPair(values, count, rule);
  if (pair === undefined) return undefined;
  const { from, leader, rival, gap } = pair;
  const areShares = isDistribution(values, from, count);
  // The derivative of a logarithm, which overflows for the smallest shares.
  const weight = (index: number): number =>
    areShares ? Math.min(1e30, 1 / Math.max(values[from + index], Number.MIN_VALUE)) : 1;
  const slope = new Float32Array(values.length);
  slope[from + leader] = weight(leader);
  slope[from + rival] = -weight(rival);
  const tensors = new Map([[output.name, slope]]);
  if (second === undefined) return { distance: gap, tensors };
  const secondLogit = (index: number): number => toLogit(second[from + index], areShares);
  let largest = 0;
  for (let k = from; k < from + count; k++) {
    const logit = Math.abs(toLogit(values[k], areShares));
    if (Number.isFinite(logit)) largest = Math.max(largest, logit);
  }
  const lead = secondLogit(leader) - secondLogit(rival) - gap;
  const beyond = { lead: Number.isFinite(lead) ? lead : 0, spread: NEAR_TIE * largest };
  return { distance: gap, tensors, beyond };
}

/** Gap near which two models may disagree, relative to the largest logit: the order of rounding to half precision. */
const NEAR_TIE = 1e-3;

/** The rival of a rank; the farthest there is where there are fewer. */
function findPair(
  values: Float64Array,
  count: number,
  { isRival, leaderOf = (all, from) => argmax(all, from, count), rank = 0 }: RivalRule,
): ClassPair | undefined {
  const pairs: ClassPair[] = [];
  for (let from = 0; from < values.length; from += count) {
    const areShares = isDistribution(values, from, count);
    const leader = leaderOf(values, from);
    const top = toLogit(values[from + leader], areShares);
    for (let k = 0; k < count; k++) {
      if (k === leader || !isRival(k, leader)) continue;
      const gap = top - toLogit(values[from + k], areShares);
      const farthest = pairs[rank];
      if (Number.isNaN(gap) || (farthest !== undefined && gap >= farthest.gap)) continue;
      pairs.push({ from, leader, rival: k, gap });
      pairs.sort((a, b) => a.gap - b.gap);
      pairs.length = Math.min(pairs.length, rank + 1);
    }
  }
  return pairs[pairs.length - 1];
}
