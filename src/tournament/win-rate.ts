import type { Interval, Match } from './match.ts';

/** A player's mean score. */
export interface WinRate extends Interval {
  /** NaN without a game. */
  readonly mean: number;
  readonly games: number;
}

/** Standard normal quantile of a two-sided interval of 95 %. */
const Z = 1.959963984540054;

/**
 * Interval of 95 % for a share (Wilson 1927).
 *
 * @param mean from 0 to 1; scores between 0 and 1 count as parts of a success
 */
export function wilsonInterval(mean: number, games: number): Interval {
  if (games === 0) return { low: 0, high: 1 };
  const squared = (Z * Z) / games;
  const centre = (mean + squared / 2) / (1 + squared);
  const half = (Z * Math.sqrt((mean * (1 - mean)) / games + squared / (4 * games))) / (1 + squared);
  // At the ends the formula gives 0 and 1, but for rounding.
  return { low: mean === 0 ? 0 : centre - half, high: mean === 1 ? 1 : centre + half };
}

/** Mean score of each player over all games, with its interval. */
export function winRates(matches: readonly Match[], players: number): WinRate[] {
  const sums = new Float64Array(players);
  const games = new Float64Array(players);
  for (const { first, second, scores } of matches)
    for (let i = 0; i < scores.length; i++) {
      sums[first] += scores[i];
      sums[second] += 1 - scores[i];
      games[first]++;
      games[second]++;
    }
  return Array.from(games, (count, player) => {
    const mean = sums[player] / count;
    return { mean, games: count, ...wilsonInterval(mean, count) };
  });
}
