import { expect, test } from '@jest/globals';
import { playersAbove, sharedRanks } from '../../src/tournament/ranks.ts';

test('players whose intervals overlap share a rank, also by way of others', () => {
  const intervals = [
    { low: 10, high: 20 },
    { low: 40, high: 50 },
    { low: 18, high: 30 },
    { low: 28, high: 35 },
    { low: 50, high: 60 },
  ];
  expect(sharedRanks(intervals)).toEqual([3, 1, 3, 3, 1]);
  expect(playersAbove(intervals)).toEqual([3, 0, 2, 2, 0]);
});

test('equal intervals share a rank, and an interval within another one does', () => {
  expect(
    sharedRanks([
      { low: 1, high: 2 },
      { low: 1, high: 2 },
    ]),
  ).toEqual([1, 1]);
  expect(
    sharedRanks([
      { low: 4, high: 5 },
      { low: 0, high: 9 },
      { low: 1, high: 2 },
    ]),
  ).toEqual([1, 1, 1]);
  expect(sharedRanks([])).toEqual([]);
});
