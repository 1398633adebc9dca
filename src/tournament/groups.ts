import type { Match } from './match.ts';
import { MIN_GAMES } from './pairing.ts';

/** Fewest games between two groups of players by which they are ranked together. */
export const MIN_BRIDGE_GAMES = 400;

/** Games between two groups are a bridge where they are at most this share of those within either. */
const BRIDGE_SHARE = 0.1;

/** Players that can be ranked together, and why they can't be with others. */
export interface RankedGroups {
  /** Players of each group in ascending order. */
  readonly groups: readonly (readonly number[])[];
  /** The bridges that are too weak. */
  readonly bridges: readonly Bridge[];
}

/** Two groups of players with too few games between them. */
export interface Bridge {
  readonly groups: readonly [readonly number[], readonly number[]];
  /** Decided games between them where there are none; else all games. */
  readonly games: number;
}

interface Pair {
  readonly first: number;
  readonly second: number;
  readonly games: number;
}

/**
 * Divides players into groups that can be ranked together: groups hang together by decided games, and no bridge between two parts
 * is of fewer than 400 games, where both parts have several players. A player without a decided game is as strong as those it tied
 * with in 20 games or more: it belongs to the first of their groups.
 */
export function rankedGroups(matches: readonly Match[], players: number): RankedGroups {
  const all = Array.from({ length: players }, (_, player) => player);
  const isDecided = ({ scores }: Match): boolean => Array.from(scores).some((score) => score !== 0.5);
  const decided = matches.filter(isDecided);
  const ties = matches.filter((match) => match.scores.length >= MIN_GAMES && !isDecided(match));
  const parts = componentsOf(all, [...decided, ...tiesOfEquals(all, decided, ties)]);
  const bridges = parts.slice(1).map((part): Bridge => ({ groups: [parts[0], part], games: 0 }));
  const pairs = matches.map(({ first, second, scores }) => ({ first, second, games: scores.length }));
  const groups = parts.flatMap((part) => splitAtBridges(part, pairs, bridges));
  return { groups: groups.sort(([a], [b]) => a - b), bridges };
}

/** The ties by which players without a decided game belong to others: none of them connects two groups of decided games. */
function tiesOfEquals(
  all: readonly number[],
  decided: readonly Match[],
  ties: readonly Match[],
): readonly Match[] {
  const busy = new Set(decided.flatMap(({ first, second }) => [first, second]));
  const chosen: Match[] = [];
  for (const tie of ties) {
    const parts = componentsOf(all, [...decided, ...chosen]);
    const [part1, part2] = [tie.first, tie.second].map((player) =>
      parts.find((part) => part.includes(player)),
    );
    const isEqual = [part1, part2].some((part) => part?.every((player) => !busy.has(player)));
    if (part1 !== part2 && isEqual) chosen.push(tie);
  }
  return chosen;
}

/** Divides a group at its weakest bridge, and the parts at theirs. */
function splitAtBridges(
  group: readonly number[],
  pairs: readonly Pair[],
  bridges: Bridge[],
): (readonly number[])[] {
  const within = pairs.filter(({ first, second }) => group.includes(first) && group.includes(second));
  let weakest: Bridge | undefined;
  for (const parts of weakCuts(group, within)) {
    const games = gamesBetween(within, ...parts);
    const fewest = Math.min(...parts.map((part) => gamesWithin(within, part)));
    const isBridge = games < MIN_BRIDGE_GAMES && games <= BRIDGE_SHARE * fewest;
    if (isBridge && games < (weakest?.games ?? Number.POSITIVE_INFINITY)) weakest = { groups: parts, games };
  }
  if (weakest === undefined) return [group];
  bridges.push(weakest);
  return weakest.groups.flatMap((part) => splitAtBridges(part, pairs, bridges));
}

/** The two parts that each pair of the tree of the most games holds together: where groups come apart, it is at one of these. */
function weakCuts(
  group: readonly number[],
  pairs: readonly Pair[],
): (readonly [readonly number[], readonly number[]])[] {
  const tree: Pair[] = [];
  for (const pair of [...pairs].sort((a, b) => b.games - a.games)) {
    const reached = componentsOf(group, tree).find((part) => part.includes(pair.first));
    if (reached?.includes(pair.second) !== true) tree.push(pair);
  }
  return tree.flatMap((cut) => {
    const parts = componentsOf(
      group,
      tree.filter((pair) => pair !== cut),
    );
    return parts.length === 2 ? [[parts[0], parts[1]] as const] : [];
  });
}

function gamesBetween(pairs: readonly Pair[], group: readonly number[], other: readonly number[]): number {
  const isAcross = ({ first, second }: Pair): boolean =>
    (group.includes(first) && other.includes(second)) || (group.includes(second) && other.includes(first));
  return sumOfGames(pairs.filter(isAcross));
}

function gamesWithin(pairs: readonly Pair[], part: readonly number[]): number {
  return sumOfGames(pairs.filter(({ first, second }) => part.includes(first) && part.includes(second)));
}

function sumOfGames(pairs: readonly Pair[]): number {
  return pairs.reduce((sum, { games }) => sum + games, 0);
}

/** Players that pairs connect, each group in ascending order. */
function componentsOf(
  players: readonly number[],
  pairs: readonly Pick<Pair, 'first' | 'second'>[],
): (readonly number[])[] {
  const groupOf = new Map(players.map((player) => [player, player]));
  const rootOf = (player: number): number => {
    const next = groupOf.get(player) ?? player;
    return next === player ? player : rootOf(next);
  };
  for (const { first, second } of pairs) {
    const [a, b] = [rootOf(first), rootOf(second)];
    groupOf.set(Math.max(a, b), Math.min(a, b));
  }
  const byRoot = new Map<number, number[]>();
  for (const player of players) {
    const root = rootOf(player);
    byRoot.set(root, [...(byRoot.get(root) ?? []), player]);
  }
  return [...byRoot.values()];
}
