import { bradleyTerry, scoreMatrix } from './bradley-terry.ts';
import type { Match } from './match.ts';

/** How games are shared out. */
export const PAIRINGS = ['all', 'near'] as const;
export type Pairing = (typeof PAIRINGS)[number];

/** Fewest games of a pair. */
export const MIN_GAMES = 20;

/** Times that `near` looks at ratings before it shares out more games, and the share of the pairs that then get them. */
const NEAR_ROUNDS = 4;
const NEAR_SHARE = 1 / 4;

/** Two players that meet, by their indices among the players. */
export interface Pair {
  readonly first: number;
  readonly second: number;
}

/** Times that games are shared out. */
export function roundsOf(pairing: Pairing): number {
  return pairing === 'all' ? 1 : 1 + NEAR_ROUNDS;
}

/** Plays the games that are missing, up to so many of each pair, and returns the games of all players so far. */
export type PlayPairs = (games: readonly number[]) => Promise<readonly Match[]>;

/**
 * Shares out games and has them played. `all`: every pair plays as many. `near`: half the games so, at least 20 of a pair; the rest,
 * in rounds, between those pairs whose ratings lie closest. What is shared out depends on the games alone.
 *
 * @param games for each pair, on average
 * @param players number of all players
 */
export async function playRounds(
  pairing: Pairing,
  pairs: readonly Pair[],
  games: number,
  players: number,
  play: PlayPairs,
): Promise<void> {
  const evenly = pairing === 'all' ? games : Math.min(games, Math.max(MIN_GAMES, Math.floor(games / 2)));
  const planned = pairs.map(() => evenly);
  let matches = await play(planned);
  let left = pairs.length * (games - evenly);
  for (let round = roundsOf(pairing) - 1; round > 0 && left > 0; round--) {
    const budget = Math.ceil(left / round);
    const nearest = nearestPairs(pairs, matches, players);
    for (let given = 0; given < budget; given++) planned[nearest[given % nearest.length]]++;
    left -= budget;
    matches = await play(planned);
  }
}

/** The quarter of the pairs whose players are rated closest, by indices, the closest first. */
function nearestPairs(pairs: readonly Pair[], matches: readonly Match[], players: number): number[] {
  const strengths = bradleyTerry(scoreMatrix(matches, players), players);
  const apart = pairs.map(({ first, second }) => Math.abs(strengths[first] - strengths[second]));
  return pairs
    .map((_, i) => i)
    .sort((a, b) => apart[a] - apart[b] || a - b)
    .slice(0, Math.ceil(NEAR_SHARE * pairs.length));
}
