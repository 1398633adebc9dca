import { expect, test } from '@jest/globals';
import { randomStream } from '../../src/core/random.ts';
import type { Match } from '../../src/tournament/match.ts';
import { type Pair, playRounds } from '../../src/tournament/pairing.ts';
import { simulateMatch } from '../support/simulated-games.ts';

const STRENGTHS = [-2, -1, 1, 2, -2, -1, 1, 2];
const PAIRS: readonly Pair[] = [0, 1, 2, 3].flatMap((first) =>
  [4, 5, 6, 7].map((second) => ({ first, second })),
);

async function gamesOf(pairing: 'all' | 'near', games: number): Promise<readonly number[]> {
  const plans: number[][] = [];
  const all = PAIRS.map(({ first, second }, i) =>
    simulateMatch(STRENGTHS, first, second, 40 * games, randomStream('pairing', i)),
  );
  await playRounds(pairing, PAIRS, games, STRENGTHS.length, async (counts) => {
    plans.push([...counts]);
    return all.map(
      (match, i): Match => ({
        ...match,
        seeds: Array.from(match.seeds).slice(0, counts[i]),
        scores: Array.from(match.scores).slice(0, counts[i]),
      }),
    );
  });
  for (let round = 1; round < plans.length; round++)
    plans[round].forEach((count, i) => {
      expect(count).toBeGreaterThanOrEqual(plans[round - 1][i]);
    });
  return plans[plans.length - 1];
}

test('all: every pair plays as often', async () => {
  expect(await gamesOf('all', 100)).toEqual(PAIRS.map(() => 100));
});

test('near: half of the games evenly, the rest between players of like strength', async () => {
  const counts = await gamesOf('near', 200);
  expect(counts.reduce((sum, count) => sum + count, 0)).toBe(16 * 200);
  expect(Math.min(...counts)).toBe(100);
  const alike = PAIRS.map(({ first, second }) => STRENGTHS[first] === STRENGTHS[second]);
  expect(counts.filter((_, i) => alike[i]).every((count) => count > 300)).toBe(true);
});

test('near: each pair plays 20 games at least', async () => {
  expect(Math.min(...(await gamesOf('near', 24)))).toBe(20);
  expect(await gamesOf('near', 20)).toEqual(PAIRS.map(() => 20));
});
