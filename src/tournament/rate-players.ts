import { type BradleyTerryRating, rateByBradleyTerry } from './bradley-terry.ts';
import { type Glicko2Rating, type Glicko2Settings, rateByGlicko2 } from './glicko2.ts';
import { type Bridge, rankedGroups } from './groups.ts';
import { type Match, matchesAmong } from './match.ts';
import { playersAbove, sharedRanks } from './ranks.ts';
import { type WinRate, winRates } from './win-rate.ts';

/** A player as ratings know it. */
export interface RatedPlayer {
  readonly name: string;
  /** Players of one side are ranked among each other. */
  readonly side: string;
}

/** A player's three ratings. */
export interface PlayerRating {
  readonly winRate: WinRate;
  readonly bradleyTerry: BradleyTerryRating & {
    /** From 1, among the players of its side and group. */
    readonly rank: number;
    /** How many of these lie wholly above it. */
    readonly above: number;
    /**
     * Whether it wins every game of its group, or none: games show then only on which side of the others it lies, and how far off
     * is set by the prior. So is its interval.
     */
    readonly isByPrior: boolean;
  };
  readonly glicko2: Glicko2Rating;
  /** Index of the group of players that it is ranked with: ratings of different groups can't be compared. */
  readonly group: number;
}

/** Ratings of all players. */
export interface Ratings {
  readonly players: readonly PlayerRating[];
  /** Why there is more than one group. */
  readonly bridges: readonly Bridge[];
}

/**
 * Rates players by all three methods. By Bradley–Terry, groups that can't be ranked together are rated apart from each other.
 *
 * @param seed master seed of draws
 */
export function ratePlayers(
  players: readonly RatedPlayer[],
  matches: readonly Match[],
  seed: string,
  settings: Glicko2Settings,
): Ratings {
  const { groups, bridges } = rankedGroups(matches, players.length);
  const rates = winRates(matches, players.length);
  const names = players.map(({ name }) => name);
  const glicko = rateByGlicko2(matches, names, seed, settings);
  const rated = new Array<PlayerRating>(players.length);
  groups.forEach((members, group) => {
    const meetings = matchesAmong(matches, members);
    const ratings = rateByBradleyTerry(meetings, members.length, seed);
    const means = winRates(meetings, members.length).map(({ mean }) => mean);
    for (const side of new Set(members.map((member) => players[member].side))) {
      const places = members.flatMap((member, place) => (players[member].side === side ? [place] : []));
      const intervals = places.map((place) => ratings[place]);
      const ranks = sharedRanks(intervals);
      const above = playersAbove(intervals);
      places.forEach((place, i) => {
        const member = members[place];
        rated[member] = {
          winRate: rates[member],
          bradleyTerry: {
            ...ratings[place],
            rank: ranks[i],
            above: above[i],
            isByPrior: means[place] === 0 || means[place] === 1,
          },
          glicko2: glicko[member],
          group,
        };
      });
    }
  });
  return { players: rated, bridges };
}
