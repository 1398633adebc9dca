import { expect, test } from '@jest/globals';
import { wilsonInterval, winRates } from '../../src/tournament/win-rate.ts';

test('gives the intervals of Wilson', () => {
  // Brown, Cai & DasGupta 2001: of 10 trials none and half of them a success.
  expect(wilsonInterval(0, 10)).toEqual({ low: 0, high: expect.closeTo(0.27753, 5) });
  expect(wilsonInterval(0.5, 10)).toEqual({
    low: expect.closeTo(0.23659, 5),
    high: expect.closeTo(0.76341, 5),
  });
  expect(wilsonInterval(1, 10)).toEqual({ low: expect.closeTo(0.72247, 5), high: 1 });
  expect(wilsonInterval(Number.NaN, 0)).toEqual({ low: 0, high: 1 });
});

test('counts what both players scored', () => {
  const [a, b, c] = winRates([{ first: 0, second: 1, seeds: [0, 1, 2, 3], scores: [1, 1, 0.5, 0] }], 3);
  expect(a).toMatchObject({ mean: 0.625, games: 4 });
  expect(b).toMatchObject({ mean: 0.375, games: 4 });
  expect(c).toEqual({ mean: Number.NaN, games: 0, low: 0, high: 1 });
});
