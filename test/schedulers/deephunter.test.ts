import { expect, test } from '@jest/globals';
import { randomStream } from '../../src/core/random.ts';
import { parameterValues } from '../../src/extensions/parameters.ts';
import { deepHunter } from '../../src/schedulers/deephunter.ts';
import type { Scheduler } from '../../src/schedulers/scheduler.ts';

function withEntries(count: number, set?: ReadonlyMap<string, number>): Scheduler {
  const scheduler = deepHunter.make(parameterValues(set));
  for (let entry = 0; entry < count; entry++) scheduler.added?.(entry, undefined);
  return scheduler;
}

function picks(scheduler: Scheduler, count: number, draws: number, stream = 'picks'): number[] {
  const random = randomStream(stream);
  const seen = new Array<number>(count).fill(0);
  for (let i = 0; i < draws; i++) seen[scheduler.pick({ count, seeds: 1 }, random)]++;
  return seen;
}

test('entries that were picked seldom are preferred, by the ratio of the probabilities', () => {
  const scheduler = withEntries(10);
  picks(scheduler, 10, 1000);
  scheduler.added?.(10, 3);
  // A fresh entry has probability 1 at its first pick, and the others 0.3: 1 of 4 in place of 1 of 11.
  const first = Array.from({ length: 2000 }, (_, i) => {
    const copy = withEntries(11);
    copy.restore?.(scheduler.save?.());
    return copy.pick({ count: 11, seeds: 1 }, randomStream(`draw-${i}`));
  });
  const share = first.filter((entry) => entry === 10).length / first.length;
  expect(share).toBeGreaterThan(0.21);
  expect(share).toBeLessThan(0.29);
});

test('with the least probability 1 all entries are alike', () => {
  const seen = picks(withEntries(5, new Map([['least', 1]])), 5, 5000);
  for (const count of seen) expect(Math.abs(count - 1000)).toBeLessThan(120);
});

test('what it has counted survives as plain data', () => {
  const [scheduler, copy] = [withEntries(9), withEntries(0)];
  picks(scheduler, 9, 30);
  copy.restore?.(JSON.parse(JSON.stringify(scheduler.save?.())));
  expect(picks(copy, 9, 50, 'later')).toEqual(picks(scheduler, 9, 50, 'later'));
});
