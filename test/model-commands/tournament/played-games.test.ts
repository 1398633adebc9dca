import { expect, test } from '@jest/globals';
import { PlayedGames } from '../../../src/model-commands/tournament/played-games.ts';

const numbers = (count: number, value = 1): number[] => new Array<number>(count).fill(value);

test('what is missing is cut at each hundredth', () => {
  const games = new PlayedGames();
  expect(games.missing(230)).toEqual([
    { from: 0, to: 100 },
    { from: 100, to: 200 },
    { from: 200, to: 230 },
  ]);
  games.add(100, numbers(100), numbers(100));
  expect(games.count).toBe(0);
  expect(games.missing(230)).toEqual([
    { from: 0, to: 100 },
    { from: 200, to: 230 },
  ]);
  games.add(0, numbers(100, 7), numbers(100, 0.5));
  expect(games.count).toBe(200);
  expect(games.missing(200)).toEqual([]);
  expect(games.first(101)).toEqual({ seeds: [...numbers(100, 7), 1], scores: [...numbers(100, 0.5), 1] });
});

test('rounds hold a hundred games each, whatever they were played in', () => {
  const games = new PlayedGames();
  games.add(0, numbers(130), numbers(130));
  games.add(130, numbers(20, 3), numbers(20, 0));
  games.add(200, numbers(10), numbers(10));
  expect(games.rounds().map(({ from, scores }) => [from, scores.length])).toEqual([
    [0, 100],
    [100, 50],
  ]);
  expect(games.rounds()[1].scores.slice(29, 31)).toEqual([1, 0]);
});
