import { expect, test } from '@jest/globals';
import { SpentPerSeed } from '../../../src/fuzzer/seeds/spent-per-seed.ts';

test('counts for each seed and in all', () => {
  const spent = new SpentPerSeed();
  expect(spent.add(0, 8)).toBe(8);
  expect(spent.add(0, 3)).toBe(11);
  expect(spent.add(1, 8)).toBe(8);
  expect([spent.of(0), spent.of(1), spent.of(2), spent.total]).toEqual([11, 8, 0, 19]);
  expect(spent.isWithin({ each: 12, total: 20 }, 0, 1)).toBe(true);
  expect(spent.isWithin({ each: 12, total: 20 }, 0, 2)).toBe(false);
  expect(spent.isWithin({ each: 12, total: 20 }, 2, 2)).toBe(false);
  expect(spent.isWithin({}, 0, 1e9)).toBe(true);
});
