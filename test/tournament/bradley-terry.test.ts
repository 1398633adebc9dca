import { expect, test } from '@jest/globals';
import { randomStream } from '../../src/core/random.ts';
import { bradleyTerry, POINTS, rateByBradleyTerry, scoreMatrix } from '../../src/tournament/bradley-terry.ts';
import { drawStrengths, simulateMatch } from '../support/simulated-games.ts';

test('two players are as far apart as their odds say', () => {
  const scores = Array.from({ length: 4000 }, (_, i) => (i % 4 < 3 ? 1 : 0));
  const matrix = scoreMatrix([{ first: 0, second: 1, seeds: scores.map((_, i) => i), scores }], 2);
  const [a, b] = bradleyTerry(matrix, 2);
  // log(3), less what shrinking takes.
  expect(a - b).toBeCloseTo(Math.log(3), 3);
  expect(a + b).toBeCloseTo(0, 12);
});

test('strengths are a maximum of the shrunk likelihood', () => {
  const random = randomStream('maximum');
  const players = 6;
  const matches = [];
  for (let i = 0; i < players; i++)
    for (let j = i + 1; j < players; j++)
      matches.push(simulateMatch(drawStrengths(players, random), i, j, 15, random));
  const matrix = scoreMatrix(matches, players);
  const likelihood = (strengths: ArrayLike<number>): number => {
    let sum = 0;
    for (let i = 0; i < players; i++) {
      sum -= 0.005 * strengths[i] ** 2;
      for (let j = 0; j < players; j++)
        sum -= matrix[i * players + j] * Math.log(1 + Math.exp(strengths[j] - strengths[i]));
    }
    return sum;
  };
  const best = bradleyTerry(matrix, players);
  for (let trial = 0; trial < 100; trial++) {
    const moved = best.map((value) => value + 0.01 * (random.uniform() - 0.5));
    expect(likelihood(moved)).toBeLessThan(likelihood(best));
  }
});

test('who wins every game has a finite rating', () => {
  const match = { first: 0, second: 1, seeds: [0, 1, 2], scores: [1, 1, 1] };
  const [winner, loser] = rateByBradleyTerry([match], 2, 's');
  expect(winner.rating).toBeGreaterThan(1700);
  expect(winner.rating).toBeLessThan(4000);
  expect(winner.rating + loser.rating).toBeCloseTo(3000, 6);
});

test('intervals hold the true strengths of 20 players in 90 to 99 of 100', () => {
  // As in the specification, in 6 draws here: `npm run bench:tournament` takes 100.
  const players = 20;
  let held = 0;
  const draws = 6;
  for (let draw = 0; draw < draws; draw++) {
    const random = randomStream('coverage', draw);
    const strengths = drawStrengths(players, random);
    const matches = [];
    for (let i = 0; i < players; i++)
      for (let j = i + 1; j < players; j++) matches.push(simulateMatch(strengths, i, j, 20, random));
    // Each seed is of one pair: games are independent.
    const apart = matches.map((match, m) => ({
      ...match,
      seeds: Array.from(match.seeds, (s) => 20 * m + s),
    }));
    rateByBradleyTerry(apart, players, `draw ${draw}`).forEach(({ low, high }, i) => {
      const rating = 1500 + POINTS * strengths[i];
      if (low <= rating && rating <= high) held++;
    });
  }
  const share = held / (draws * players);
  expect(share).toBeGreaterThanOrEqual(0.9);
  expect(share).toBeLessThanOrEqual(0.99);
});

test('intervals are wider where the games of a seed end alike', () => {
  const random = randomStream('seeds');
  const [scores, seeds]: [number[], number[]] = [[], []];
  for (let seed = 0; seed < 40; seed++) {
    const score = random.uniform() < 0.6 ? 1 : 0;
    for (let game = 0; game < 25; game++) {
      scores.push(score);
      seeds.push(seed);
    }
  }
  const width = (by: readonly number[]): number => {
    const [{ low, high }] = rateByBradleyTerry([{ first: 0, second: 1, seeds: by, scores }], 2, 's');
    return high - low;
  };
  // By the square root of 25 games a seed.
  const ratio = width(seeds) / width(scores.map((_, i) => i));
  expect(ratio).toBeGreaterThan(3.5);
  expect(ratio).toBeLessThan(7);
});
