import type { Glicko2Rating } from '../../tournament/glicko2.ts';
import type { Match } from '../../tournament/match.ts';
import type { PlayerRating, Ratings } from '../../tournament/rate-players.ts';
import type { WinRate } from '../../tournament/win-rate.ts';
import { isOfFirstSide, type PlayerLine } from './games-file.ts';

/** Version of `ratings.json` and of what `tournament --json` prints. */
const RATINGS_VERSION = 1;

/** The ratings, by which a list can be sorted. */
export const RATINGS = ['bradley-terry', 'glicko2', 'win-rate'] as const;
export type RatingName = (typeof RATINGS)[number];

/** A player with its ratings. */
export interface RatedLine extends Pick<PlayerLine, 'name' | 'sha256'> {
  readonly kind: PlayerLine['plays'];
  /** Path of a model or a folder, spec of a mutator. */
  readonly from: string;
  readonly games: number;
  readonly winRate: Pick<WinRate, 'mean' | 'low' | 'high'>;
  readonly bradleyTerry: PlayerRating['bradleyTerry'];
  readonly glicko2: Glicko2Rating;
  /** Players of different groups have no ratings that can be compared; from 1. */
  readonly group: number;
  /** Of a discriminator, the share of real examples that it calls real; absent where there are none. */
  readonly real?: number;
}

/** Mean score of the row's player against the column's, and their games; null where they did not meet. */
export type PairCell = readonly [score: number, games: number] | null;

/** Result of `tournament`. */
export interface TournamentReport {
  readonly formatVersion: number;
  /** Master seed. */
  readonly seed: string;
  readonly win: string;
  readonly opponents: string;
  readonly pairing: string;
  /** Games of each pair, on average. */
  readonly gamesPerPair: number;
  readonly games: number;
  readonly sortedBy: RatingName;
  readonly tau: number;
  readonly period: number;
  readonly seeds: { readonly count: number; readonly leftOut: number };
  /** Discriminators that call everything fake, with the share of real examples that they call real: they are not rated. */
  readonly unrated: readonly { readonly name: string; readonly real: number }[];
  /** Why there are several groups, by the names of their players. */
  readonly bridges: readonly { readonly groups: readonly (readonly string[])[]; readonly games: number }[];
  /** Models or generators first, each side from the best to the worst. */
  readonly players: readonly RatedLine[];
  /** In the order of the players. Models that met mutators are compared on the same mutants: these games are in no rating. */
  readonly pairs: readonly (readonly PairCell[])[];
}

/** Matches between models that met the same opponents, on the same testcases. */
export function sharedMatches(matches: readonly Match[], isModel: (player: number) => boolean): Match[] {
  const byModel = new Map<number, Match[]>();
  for (const match of matches)
    if (isModel(match.first) && !isModel(match.second))
      byModel.set(match.first, [...(byModel.get(match.first) ?? []), match]);
  const models = [...byModel.keys()].sort((a, b) => a - b);
  return models.flatMap((first, i) =>
    models.slice(i + 1).map((second): Match => {
      const seeds: number[] = [];
      const scores: number[] = [];
      for (const match of byModel.get(first) ?? []) {
        const other = byModel.get(second)?.find((rival) => rival.second === match.second);
        const count = Math.min(match.scores.length, other?.scores.length ?? 0);
        for (let game = 0; game < count; game++) {
          seeds.push(match.seeds[game]);
          scores.push((1 + match.scores[game] - (other?.scores[game] ?? 0)) / 2);
        }
      }
      return { first, second, seeds, scores };
    }),
  );
}

/** The mean scores of all pairs of players that met. */
export function pairTable(matches: readonly Match[], players: number): PairCell[][] {
  const cells = Array.from({ length: players }, () => new Array<PairCell>(players).fill(null));
  for (const { first, second, scores } of matches) {
    if (scores.length === 0) continue;
    const mean = Array.from(scores).reduce((sum, score) => sum + score, 0) / scores.length;
    cells[first][second] = [mean, scores.length];
    cells[second][first] = [1 - mean, scores.length];
  }
  return cells;
}

/** Puts the report together. */
export function makeReport(
  facts: Omit<TournamentReport, 'formatVersion' | 'players' | 'pairs' | 'bridges' | 'games'>,
  lines: readonly PlayerLine[],
  matches: readonly Match[],
  { players, bridges }: Ratings,
): TournamentReport {
  const order = lines
    .map((_, i) => i)
    .sort(
      (a, b) =>
        Number(isOfFirstSide(lines[b])) - Number(isOfFirstSide(lines[a])) ||
        players[a].group - players[b].group ||
        ratingOf(players[b], facts.sortedBy) - ratingOf(players[a], facts.sortedBy) ||
        a - b,
    );
  const isModel = (player: number): boolean => isOfFirstSide(lines[player]);
  const cells = pairTable([...matches, ...sharedMatches(matches, isModel)], lines.length);
  const { seed, win, opponents, pairing, gamesPerPair, sortedBy, tau, period, seeds, unrated } = facts;
  return {
    formatVersion: RATINGS_VERSION,
    seed,
    win,
    opponents,
    pairing,
    gamesPerPair,
    games: matches.reduce((sum, { scores }) => sum + scores.length, 0),
    sortedBy,
    tau,
    period,
    seeds,
    unrated,
    bridges: bridges.map(({ groups, games }) => ({
      groups: groups.map((group) => group.map((player) => lines[player].name)),
      games,
    })),
    players: order.map((player): RatedLine => {
      const { name, plays, from, sha256, real } = lines[player];
      const { winRate, bradleyTerry, glicko2, group } = players[player];
      const { games, mean, low, high } = winRate;
      const kind = plays;
      return {
        name,
        kind,
        from,
        sha256,
        games,
        winRate: { mean, low, high },
        bradleyTerry,
        glicko2,
        group: group + 1,
        ...(real === undefined ? {} : { real }),
      };
    }),
    pairs: order.map((row) => order.map((column) => cells[row][column])),
  };
}

/** The figure that a list is sorted by. */
export function ratingOf(
  {
    winRate,
    bradleyTerry,
    glicko2,
  }: Pick<PlayerRating, 'bradleyTerry' | 'glicko2'> & {
    readonly winRate: Pick<WinRate, 'mean'>;
  },
  name: RatingName,
): number {
  if (name === 'win-rate') return winRate.mean;
  return name === 'glicko2' ? glicko2.rating : bradleyTerry.rating;
}
