import { describe, expect, test } from '@jest/globals';
import { randomStream } from '../../src/core/random.ts';
import { rankedGroups } from '../../src/tournament/groups.ts';
import type { Match } from '../../src/tournament/match.ts';
import { ratePlayers } from '../../src/tournament/rate-players.ts';
import { rankCorrelation, simulateMatch } from '../support/simulated-games.ts';

const random = randomStream('groups');

/** Eight models of rising strength and eight mutators: weak models meet easy mutators, strong ones hard ones. */
function unequal(bridgeGames: number): { readonly matches: Match[]; readonly strengths: number[] } {
  const models = Array.from({ length: 8 }, (_, i) => -2 + 0.6 * i);
  const strengths = [...models, ...models.map((strength, i) => (i < 4 ? strength - 2.5 : strength + 2.5))];
  const matches: Match[] = [];
  for (const group of [
    [0, 1, 2, 3],
    [4, 5, 6, 7],
  ])
    for (const model of group)
      for (const mutator of group) matches.push(simulateMatch(strengths, model, mutator + 8, 1000, random));
  matches.push(simulateMatch(strengths, 3, 12, bridgeGames, random));
  return { matches, strengths };
}

const players = Array.from({ length: 16 }, (_, i) => ({ name: `p${i}`, side: i < 8 ? 'models' : 'others' }));

describe('unequal opponents', () => {
  test('with a bridge of 400 games Bradley–Terry alone is right', () => {
    const { matches, strengths } = unequal(400);
    const { players: rated, bridges } = ratePlayers(players, matches, 's', { tau: 0.5, period: 100 });
    expect(bridges).toEqual([]);
    const models = rated.slice(0, 8);
    const correlation = (values: readonly number[]) => rankCorrelation(values, strengths.slice(0, 8));
    expect(correlation(models.map(({ bradleyTerry }) => bradleyTerry.rating))).toBeGreaterThanOrEqual(0.95);
    expect(correlation(models.map(({ glicko2 }) => glicko2.rating))).toBeLessThan(0.6);
    expect(correlation(models.map(({ winRate }) => winRate.mean))).toBeLessThan(0.9);
  });

  test('with a bridge of 20 games the groups are not ranked together', () => {
    const { matches } = unequal(20);
    const { players: rated, bridges } = ratePlayers(players, matches, 's', { tau: 0.5, period: 100 });
    expect(bridges).toEqual([
      {
        groups: [
          [0, 1, 2, 3, 8, 9, 10, 11],
          [4, 5, 6, 7, 12, 13, 14, 15],
        ],
        games: 20,
      },
    ]);
    expect(rated.map(({ group }) => group)).toEqual([0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1, 1]);
    // Each group has a first of its own, and a mean of 1500.
    expect(rated[3].bradleyTerry.rank).toBe(1);
    expect(rated[7].bradleyTerry.rank).toBe(1);
    const sum = [0, 1, 2, 3, 8, 9, 10, 11].reduce((total, i) => total + rated[i].bradleyTerry.rating, 0);
    expect(sum / 8).toBeCloseTo(1500, 6);
  });
});

test('games that nobody won hold no groups together', () => {
  const decided = { seeds: [0, 1], scores: [1, 0] };
  const { groups, bridges } = rankedGroups(
    [
      { first: 0, second: 1, ...decided },
      { first: 2, second: 3, ...decided },
      { first: 0, second: 2, seeds: Array(500).fill(0), scores: Array(500).fill(0.5) },
    ],
    4,
  );
  expect(groups).toEqual([
    [0, 1],
    [2, 3],
  ]);
  expect(bridges).toEqual([
    {
      groups: [
        [0, 1],
        [2, 3],
      ],
      games: 0,
    },
  ]);
});

test('players that tie in every game are equals, and so ranked together', () => {
  const tie = (first: number, second: number, games: number): Match => ({
    ...{ first, second, seeds: Array(games).fill(0), scores: Array(games).fill(0.5) },
  });
  const decided = { seeds: [0, 1], scores: [1, 0] };
  expect(rankedGroups([tie(0, 1, 20)], 2)).toEqual({ groups: [[0, 1]], bridges: [] });
  expect(rankedGroups([tie(0, 1, 19)], 2).groups).toEqual([[0], [1]]);
  // Who ties with two groups belongs to one of them, and connects them not.
  const two = [
    { first: 0, second: 1, ...decided },
    { first: 2, second: 3, ...decided },
    ...[tie(0, 4, 500), tie(2, 4, 500), tie(4, 5, 20)],
  ];
  expect(rankedGroups(two, 6).groups).toEqual([
    [0, 1, 4, 5],
    [2, 3],
  ]);
});

test('who wins every game or none is marked: the prior sets its rating', () => {
  const seeds = [0, 1, 2, 3];
  const { players: rated } = ratePlayers(
    ['a', 'b', 'c'].map((name) => ({ name, side: name === 'c' ? 'others' : 'models' })),
    [
      { first: 0, second: 2, seeds, scores: [1, 1, 1, 1] },
      { first: 1, second: 2, seeds, scores: [1, 1, 0, 1] },
    ],
    's',
    { tau: 0.5, period: 100 },
  );
  expect(rated.map(({ bradleyTerry }) => bradleyTerry.isByPrior)).toEqual([true, false, false]);
});

test('a small tournament of all against all is one group', () => {
  const strengths = Array.from({ length: 8 }, () => 0);
  const matches: Match[] = [];
  for (let model = 0; model < 4; model++)
    for (let mutator = 4; mutator < 8; mutator++)
      matches.push(simulateMatch(strengths, model, mutator, 20, random));
  expect(rankedGroups(matches, 8).groups).toEqual([[0, 1, 2, 3, 4, 5, 6, 7]]);
});
