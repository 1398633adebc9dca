import { expect, test } from '@jest/globals';
import { randomStream } from '../../src/core/random.ts';
import { parameterValues } from '../../src/extensions/parameters.ts';
import { rare } from '../../src/schedulers/rare.ts';
import type { Scheduler } from '../../src/schedulers/scheduler.ts';

function withHits(hits: readonly number[], set?: ReadonlyMap<string, number>): Scheduler {
  const scheduler = rare.make(parameterValues(set));
  for (const [entry, mutants] of hits.entries()) {
    scheduler.added?.(entry, undefined);
    scheduler.observed?.(entry, mutants);
  }
  return scheduler;
}

function picks(scheduler: Scheduler, count: number, draws: number): number[] {
  const random = randomStream('picks');
  const seen = new Array<number>(count).fill(0);
  for (let i = 0; i < draws; i++) seen[scheduler.pick({ count, seeds: 1 }, random)]++;
  return seen;
}

test('the entry in the rarest neighbourhood is picked where it is drawn, and the others by their rank', () => {
  const seen = picks(withHits([30, 500, 8, 100]), 4, 4000);
  // With eight draws of four entries: 1 − (3/4)^8 = 0.9 are of the rarest one.
  expect(seen[2] / 4000).toBeCloseTo(0.9, 1);
  expect(seen[0]).toBeGreaterThan(10 * seen[3]);
});

test('a tournament of one is a draw from all', () => {
  for (const count of picks(withHits([30, 500, 8, 100], new Map([['among', 1]])), 4, 4000))
    expect(Math.abs(count - 1000)).toBeLessThan(120);
});

test('an entry that is hit loses its preference', () => {
  const scheduler = withHits([10, 20]);
  scheduler.observed?.(0, 100);
  const [first, second] = picks(scheduler, 2, 1000);
  expect(second).toBeGreaterThan(50 * first);
});

test('what it has counted survives as plain data', () => {
  const copy = withHits([]);
  copy.restore?.(JSON.parse(JSON.stringify(withHits([3, 70_000, 2]).save?.())));
  copy.added?.(3, undefined);
  expect(picks(copy, 4, 200)).toEqual(picks(withHits([3, 70_000, 2, 0]), 4, 200));
});
