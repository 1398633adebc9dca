import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { randomStream } from '../../src/core/random.ts';
import { parameterValues } from '../../src/extensions/parameters.ts';
import { fast } from '../../src/schedulers/fast.ts';
import type { Scheduler } from '../../src/schedulers/scheduler.ts';

function withEntries(count: number, set?: Record<string, number>): Scheduler {
  const scheduler = fast.make(parameterValues(new Map(Object.entries(set ?? {}))));
  for (let entry = 0; entry < count; entry++) scheduler.added?.(entry, undefined);
  return scheduler;
}

function picks(scheduler: Scheduler, draws: number): number[] {
  const random = randomStream('picks');
  return Array.from({ length: draws }, () => scheduler.pick({ count: 1, seeds: 1 }, random));
}

/** Picks in a row that the current entry still has. */
const leftOf = (scheduler: Scheduler): number => JSON.parse(JSON.stringify(scheduler.save?.())).left;

/** The entries that are chosen, with the picks in a row of each. */
function choices(scheduler: Scheduler, count: number): [entry: number, energy: number][] {
  const random = randomStream('picks');
  const chosen: [number, number][] = [];
  for (let i = 0; i < count; i++) {
    expect(leftOf(scheduler)).toBe(0);
    const entry = scheduler.pick({ count: 1, seeds: 1 }, random);
    const left = leftOf(scheduler);
    for (let rest = left; rest > 0; rest--)
      expect(scheduler.pick({ count: 1, seeds: 1 }, random)).toBe(entry);
    chosen.push([entry, left + 1]);
  }
  return chosen;
}

test('every entry has its turn, the least chosen first, and a new one at once', () => {
  const scheduler = withEntries(3, { alpha: 2 });
  expect(choices(scheduler, 3)).toEqual([
    [0, 2],
    [1, 2],
    [2, 2],
  ]);
  scheduler.added?.(3, 1);
  expect(choices(scheduler, 1)).toEqual([[3, 2]]);
});

test('of entries chosen equally often, the one in the rarest neighbourhood comes first', () => {
  const scheduler = withEntries(3, { alpha: 1 });
  for (const [entry, mutants] of [20, 5, 9].entries()) scheduler.observed?.(entry, mutants);
  choices(scheduler, 3);
  expect(choices(scheduler, 3).map(([entry]) => entry)).toEqual([1, 2, 0]);
});

test('energy is α · 2^s / f, rounded up, and M at most', () => {
  const scheduler = withEntries(1, { alpha: 3, most: 20 });
  scheduler.observed?.(0, 8);
  // 3/8, 6/8, 12/8, 24/8, 48/8, 96/8, 192/8.
  expect(choices(scheduler, 7).map(([, energy]) => energy)).toEqual([1, 1, 2, 3, 6, 12, 20]);
  scheduler.observed?.(0, 92);
  expect(choices(scheduler, 1)).toEqual([[0, Math.ceil((3 * 2 ** 7) / 100)]]);
});

test('a restored scheduler picks as it would have without the checkpoint', () => {
  const event = fc.oneof(
    fc.record({ pick: fc.integer({ min: 1, max: 40 }) }),
    fc.record({ hit: fc.nat(9), mutants: fc.nat(300) }),
    fc.constant({ add: true }),
  );
  fc.assert(
    fc.property(fc.array(event, { maxLength: 30 }), (events) => {
      const scheduler = withEntries(10);
      let count = 10;
      for (const one of events) {
        if ('pick' in one) picks(scheduler, one.pick);
        else if ('hit' in one) scheduler.observed?.(one.hit, one.mutants);
        else scheduler.added?.(count++, 0);
      }
      const copy = withEntries(count);
      copy.restore?.(JSON.parse(JSON.stringify(scheduler.save?.())));
      expect(picks(copy, 200)).toEqual(picks(scheduler, 200));
    }),
  );
});
