import glicko2 from 'glicko2-lite';
import { randomStream } from '../core/random.ts';
import { MEAN_RATING, POINTS } from './bradley-terry.ts';
import type { Match } from './match.ts';

/** A player's state (Glickman, "Example of the Glicko-2 system"). */
export interface Glicko2Rating {
  readonly rating: number;
  /** Standard deviation of the rating. */
  readonly deviation: number;
  readonly volatility: number;
}

/** Settings of Glicko-2. */
export interface Glicko2Settings {
  /** How much volatilities change: 0.3 to 1.2. */
  readonly tau: number;
  /** Games of all players in a rating period. */
  readonly period: number;
}

/** A player before the first game, whose deviation is the largest that there is. */
export const NEW_PLAYER: Glicko2Rating = { rating: MEAN_RATING, deviation: 350, volatility: 0.06 };

/** A game as one player sees it. */
export interface PlayedGame {
  readonly opponent: Pick<Glicko2Rating, 'rating' | 'deviation'>;
  readonly score: number;
}

/** A player's state after a period; without a game only the deviation grows. */
export function updateGlicko2(
  player: Glicko2Rating,
  games: readonly PlayedGame[],
  tau: number,
): Glicko2Rating {
  const { rating, deviation, volatility } = player;
  if (games.length === 0) {
    const grown = POINTS * Math.hypot(deviation / POINTS, volatility);
    return { rating, deviation: Math.min(NEW_PLAYER.deviation, grown), volatility };
  }
  const opponents = games.map(({ opponent, score }): [number, number, number] => [
    opponent.rating,
    opponent.deviation,
    score,
  ]);
  const next = glicko2(rating, deviation, volatility, opponents, { tau });
  return {
    rating: next.rating,
    deviation: Math.min(NEW_PLAYER.deviation, next.rd),
    volatility: next.vol,
  };
}

/**
 * Ratings after all games, put into periods in a drawn order that does not depend on their results, nor on which other players
 * there are.
 *
 * @param names of the players, which the order is drawn by
 * @param seed master seed of the order
 */
export function rateByGlicko2(
  matches: readonly Match[],
  names: readonly string[],
  seed: string,
  { tau, period }: Glicko2Settings,
): Glicko2Rating[] {
  const games = drawnOrder(matches, names, seed);
  let ratings: Glicko2Rating[] = names.map(() => NEW_PLAYER);
  for (let from = 0; from < games.length; from += period) {
    const played: PlayedGame[][] = names.map(() => []);
    for (const { first, second, score } of games.slice(from, from + period)) {
      played[first].push({ opponent: ratings[second], score });
      played[second].push({ opponent: ratings[first], score: 1 - score });
    }
    ratings = ratings.map((rating, player) => updateGlicko2(rating, played[player], tau));
  }
  return ratings;
}

interface OrderedGame {
  readonly first: number;
  readonly second: number;
  readonly score: number;
  readonly place: number;
}

function drawnOrder(matches: readonly Match[], names: readonly string[], seed: string): OrderedGame[] {
  const games = matches.flatMap(({ first, second, scores }) => {
    const random = randomStream(seed, 'order of games', names[first], names[second]);
    return Array.from(scores, (score) => ({ first, second, score, place: random.uniform() }));
  });
  // Equal draws, one in 2³² games, are in the order of the names.
  const key = ({ first, second }: OrderedGame): string => `${names[first]}\0${names[second]}`;
  return games.sort((a, b) => a.place - b.place || (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0));
}
