import { expect, test } from '@jest/globals';
import { smallestReach } from '../../../src/coverage/feedback/smallest-reach.ts';

/** A cover that needs 100 observations at reach 0 and one fewer with each step, never fewer than 5. */
const cover = (reach: number): number[] =>
  Array.from({ length: Math.max(5, 100 - Math.floor(reach)) }, (_, i) => i);
const steps = {
  grow: (reach: number) => (reach < 1000 ? 2 * reach + 1 : undefined),
  between: (low: number, high: number) => (high - low > 1 ? (low + high) >> 1 : undefined),
};

test('is the smallest with which no more are chosen', () => {
  const { reach, chosen } = smallestReach(40, 0, steps, cover);
  expect([reach, chosen.length]).toEqual([60, 40]);
});

test('is the one to start with where that suffices', () => {
  expect(smallestReach(95, 7, steps, cover)).toMatchObject({ reach: 7, chosen: { length: 93 } });
});

test('is refused where even the largest needs more', () => {
  expect(() => smallestReach(4, 0, steps, cover)).toThrow('--max 4 is too few: 5 testcases are needed');
});
