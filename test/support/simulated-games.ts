import { drawNormal, type Random } from '../../src/core/random.ts';
import type { Match } from '../../src/tournament/match.ts';

/** Strengths of so many players, of standard deviation 1 and sum 0. */
export function drawStrengths(players: number, random: Random): number[] {
  const drawn = Array.from({ length: players }, () => drawNormal(random));
  const mean = drawn.reduce((sum, value) => sum + value, 0) / players;
  return drawn.map((value) => value - mean);
}

/** So many games of two players, each on a seed of its number, won by the law of Bradley and Terry. */
export function simulateMatch(
  strengths: readonly number[],
  first: number,
  second: number,
  games: number,
  random: Random,
): Match {
  const expected = 1 / (1 + Math.exp(strengths[second] - strengths[first]));
  return {
    first,
    second,
    seeds: Array.from({ length: games }, (_, game) => game),
    scores: Array.from({ length: games }, () => (random.uniform() < expected ? 1 : 0)),
  };
}

/** Rank correlation (Spearman) of two lists without equal values. */
export function rankCorrelation(a: readonly number[], b: readonly number[]): number {
  const ranks = (values: readonly number[]) =>
    values.map((value) => values.filter((other) => other < value).length);
  const [x, y] = [ranks(a), ranks(b)];
  const squares = x.reduce((sum, rank, i) => sum + (rank - y[i]) ** 2, 0);
  return 1 - (6 * squares) / (a.length * (a.length ** 2 - 1));
}
