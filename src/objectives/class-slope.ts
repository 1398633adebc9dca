import type { BatchTensor } from '../model/batched-model.ts';
import type { MarginSlope } from './objective.ts';
import { argmax, isDistribution, type RowReader, toLogit } from './output-difference.ts';

/** Where two classes of one output part: the greater one, and the one that is to overtake it. */
interface ClassPair {
  readonly leader: number;
  readonly rival: number;
  readonly gap: number;
}

/**
 * The slope of the gap between the best class and a rival, in logits: of shares, the gap of their logarithms.
 *
 * @param isRival whether a class may be the rival, by its number and that of the best class; the nearest of those is
 * @param count length of the last axis
 */
export function classSlope(
  output: BatchTensor,
  row: number,
  count: number,
  reader: RowReader,
  isRival: (classNumber: number, best: number) => boolean,
  leaderOf: (values: Float64Array, from: number) => number = (values, from) => argmax(values, from, count),
): MarginSlope | undefined {
  const values = reader.read(output, row);
  let nearest: (ClassPair & { readonly from: number }) | undefined;
  for (let from = 0; from < values.length; from += count) {
    const areShares = isDistribution(values, from, count);
    const leader = leaderOf(values, from);
    const top = toLogit(values[from + leader], areShares);
    for (let k = 0; k < count; k++) {
      if (k === leader || !isRival(k, leader)) continue;
      const gap = top - toLogit(values[from + k], areShares);
      if (!(gap >= (nearest?.gap ?? Number.POSITIVE_INFINITY))) nearest = { leader, rival: k, gap, from };
    }
  }
  if (nearest === undefined) return undefined;
  const { from, leader, rival, gap } = nearest;
  const areShares = isDistribution(values, from, count);
  // The derivative of a logarithm, which overflows for the smallest shares.
  const weight = (index: number): number =>
    areShares ? Math.min(1e30, 1 / Math.max(values[from + index], Number.MIN_VALUE)) : 1;
  const slope = new Float32Array(values.length);
  slope[from + leader] = weight(leader);
  slope[from + rival] = -weight(rival);
  return { distance: gap, tensors: new Map([[output.name, slope]]) };
}
