import type { Interval } from './match.ts';

/**
 * Ranks from 1, the highest first. Players whose intervals overlap share a rank, also by way of others: who is ranked below
 * somebody lies wholly below all who are ranked above.
 */
export function sharedRanks(intervals: readonly Interval[]): number[] {
  const order = intervals.map((_, i) => i).sort((a, b) => intervals[b].high - intervals[a].high || a - b);
  const ranks = new Array<number>(intervals.length);
  let rank = 0;
  let lowest = Number.POSITIVE_INFINITY;
  order.forEach((player, place) => {
    const { low, high } = intervals[player];
    if (place === 0 || high < lowest) rank = place + 1;
    lowest = place === 0 ? low : Math.min(lowest, low);
    ranks[player] = rank;
  });
  return ranks;
}

/** Of each player, how many lie wholly above it: the lower end of their interval is above the upper end of its own. */
export function playersAbove(intervals: readonly Interval[]): number[] {
  return intervals.map(({ high }) => intervals.filter((other) => other.low > high).length);
}
