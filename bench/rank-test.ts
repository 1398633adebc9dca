/** How two samples compare by their ranks. */
export interface RankComparison {
  /** Mann-Whitney's U of the first sample: pairs in which its value is the larger one, equal ones by half. */
  readonly u: number;
  /** Probability, two-sided, of a U as far from its mean if both samples were drawn from one distribution. */
  readonly p: number;
  /** Vargha and Delaney's A: probability that a value of the first sample is smaller than one of the second, equal ones by half. */
  readonly smaller: number;
}

/** Ways of dividing all values into two samples up to which all of them are counted. */
const MAX_DIVISIONS = 50_000;

/**
 * The rank test of Mann & Whitney (1947) with the effect size of Vargha & Delaney (2000), as Arcuri & Briand (2014) recommend for
 * randomized search. Small samples are tested exactly, by all divisions of their values, equal ones included; larger ones by the normal
 * approximation with corrections for ties and continuity. Values that were censored at a budget are equal to it.
 */
export function compareRanks(first: readonly number[], second: readonly number[]): RankComparison {
  const all = [...first, ...second];
  const ranks = midranks(all);
  const [n, m] = [first.length, second.length];
  const uOf = (rankSum: number): number => rankSum - (n * (n + 1)) / 2;
  const u = uOf(ranks.slice(0, n).reduce((sum, rank) => sum + rank, 0));
  const distance = Math.abs(u - (n * m) / 2);
  const p = divisions(n, m) <= MAX_DIVISIONS ? exactP(ranks, n, distance, uOf) : normalP(all, n, m, distance);
  return { u, p, smaller: 1 - u / (n * m) };
}

/** Ranks from 1; equal values have the mean of theirs. */
function midranks(values: readonly number[]): number[] {
  return values.map((value) => {
    const below = values.filter((other) => other < value).length;
    const equal = values.filter((other) => other === value).length;
    return below + (equal + 1) / 2;
  });
}

/** Binomial coefficient of n + m over n. */
function divisions(n: number, m: number): number {
  let count = 1;
  for (let i = 1; i <= n; i++) count = (count * (m + i)) / i;
  return count;
}

/** Share of all choices of n ranks whose U is as far from the mean. */
function exactP(
  ranks: readonly number[],
  n: number,
  distance: number,
  uOf: (rankSum: number) => number,
): number {
  const mean = (n * (ranks.length - n)) / 2;
  let [count, asFar] = [0, 0];
  const choose = (from: number, left: number, sum: number): void => {
    if (left === 0) {
      count++;
      if (Math.abs(uOf(sum) - mean) >= distance - 1e-9) asFar++;
      return;
    }
    for (let at = from; at <= ranks.length - left; at++) choose(at + 1, left - 1, sum + ranks[at]);
  };
  choose(0, n, 0);
  return asFar / count;
}

function normalP(values: readonly number[], n: number, m: number, distance: number): number {
  const total = n + m;
  const counts = new Map<number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  const ties = [...counts.values()].reduce((sum, count) => sum + count ** 3 - count, 0);
  const variance = ((n * m) / 12) * (total + 1 - ties / (total * (total - 1)));
  if (variance === 0) return 1;
  return Math.min(1, 2 * upperTail(Math.max(0, distance - 0.5) / Math.sqrt(variance)));
}

/** Upper tail of the standard normal distribution at z of at least 0 (Abramowitz & Stegun 1964, 26.2.17, error below 7.5e-8). */
function upperTail(z: number): number {
  const t = 1 / (1 + 0.2316419 * z);
  const polynomial =
    t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  return (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)) * polynomial;
}
