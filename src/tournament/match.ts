/** All games between two players, by their indices among the players. */
export interface Match {
  readonly first: number;
  readonly second: number;
  /** Of each game, the seed that it was played on. */
  readonly seeds: ArrayLike<number>;
  /** Of each game, the score of `first`, from 0 to 1; that of `second` is what is missing to 1. */
  readonly scores: ArrayLike<number>;
}

/** Lower and upper end, both included. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** Sum of the scores of `first`. */
export function totalScore({ scores }: Pick<Match, 'scores'>): number {
  let sum = 0;
  for (let i = 0; i < scores.length; i++) sum += scores[i];
  return sum;
}

/** The matches among some of the players, renumbered in their order. */
export function matchesAmong(matches: readonly Match[], players: readonly number[]): Match[] {
  const places = new Map(players.map((player, place) => [player, place]));
  return matches.flatMap((match) => {
    const [first, second] = [places.get(match.first), places.get(match.second)];
    return first === undefined || second === undefined ? [] : [{ ...match, first, second }];
  });
}
