import { expect, test } from '@jest/globals';
import { NEW_PLAYER, rateByGlicko2, updateGlicko2 } from '../../src/tournament/glicko2.ts';

test("gives the result of Glickman's example", () => {
  const player = { rating: 1500, deviation: 200, volatility: 0.06 };
  const games = [
    { opponent: { rating: 1400, deviation: 30 }, score: 1 },
    { opponent: { rating: 1550, deviation: 100 }, score: 0 },
    { opponent: { rating: 1700, deviation: 300 }, score: 0 },
  ];
  const { rating, deviation, volatility } = updateGlicko2(player, games, 0.5);
  expect(Math.abs(rating - 1464.0507)).toBeLessThan(1e-3);
  expect(Math.abs(deviation - 151.5165)).toBeLessThan(1e-3);
  expect(Math.abs(volatility - 0.059996)).toBeLessThan(1e-6);
});

test('without a game the deviation alone grows, up to that of a new player', () => {
  const idle = updateGlicko2({ rating: 1700, deviation: 50, volatility: 0.06 }, [], 0.5);
  expect(idle).toEqual({ rating: 1700, deviation: expect.closeTo(51.0747, 3), volatility: 0.06 });
  expect(updateGlicko2(NEW_PLAYER, [], 0.5)).toEqual(NEW_PLAYER);
});

test('the order of the games does not depend on their results, nor on the order of the players', () => {
  const seeds = Array.from({ length: 60 }, (_, i) => i);
  const won = (of: number) => seeds.map((i) => (i % 3 < of ? 1 : 0));
  const settings = { tau: 0.5, period: 10 };
  const matches = [
    { first: 0, second: 1, seeds, scores: won(2) },
    { first: 0, second: 2, seeds, scores: won(1) },
  ];
  const ratings = rateByGlicko2(matches, ['a', 'b', 'c'], 's', settings);
  const turned = rateByGlicko2(
    [
      { first: 2, second: 0, seeds, scores: won(1) },
      { first: 2, second: 1, seeds, scores: won(2) },
    ],
    ['c', 'b', 'a'],
    's',
    settings,
  );
  expect(turned).toEqual([ratings[2], ratings[1], ratings[0]]);
  expect(ratings[2].rating).toBeGreaterThan(ratings[0].rating);
  expect(ratings[0].rating).toBeGreaterThan(ratings[1].rating);
  expect(rateByGlicko2(matches, ['a', 'b', 'c'], 'other', settings)).not.toEqual(ratings);
});
