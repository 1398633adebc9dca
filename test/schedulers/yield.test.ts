import { expect, test } from '@jest/globals';
import { randomStream } from '../../src/core/random.ts';
import { decodeVarints } from '../../src/core/varints.ts';
import { YieldScheduler } from '../../src/schedulers/yield.ts';

function withEntries(count: number): YieldScheduler {
  const scheduler = new YieldScheduler();
  for (let entry = 0; entry < count; entry++) scheduler.added(entry, undefined);
  return scheduler;
}

/** How often each of `count` entries is picked in so many draws. */
function picks(
  scheduler: YieldScheduler,
  count: number,
  draws: number,
  random = randomStream('yield'),
): number[] {
  const seen = new Array<number>(count).fill(0);
  for (let i = 0; i < draws; i++) seen[scheduler.pick({ count, seeds: 1 }, random)]++;
  return seen;
}

test('the newest five get most turns, in equal parts, and everyone gets some', () => {
  const seen = new Array<number>(20).fill(0);
  const scheduler = withEntries(20);
  const random = randomStream('rounds');
  // Something new all the while: the window stays at five.
  for (let round = 0; round < 100; round++) {
    picks(scheduler, 20, 60, random).forEach((count, entry) => {
      seen[entry] += count;
    });
    scheduler.added(15 + (round % 5), undefined);
  }
  for (const count of seen.slice(15)) expect(Math.abs(count - 1000 - 50)).toBeLessThan(250);
  expect(Math.min(...seen)).toBeGreaterThan(20);
});

test('while nothing new comes, older entries get turns beside the newest', () => {
  const seen = picks(withEntries(40), 40, 64 * 35);
  const [old, newest] = [seen.slice(0, 10), seen.slice(30)].map((some) => some.reduce((a, b) => a + b, 0));
  expect(old).toBeGreaterThan(64);
  expect(newest).toBeGreaterThan(2 * old);
});

test('an entry that led to something new gets more turns than one that did not', () => {
  const scheduler = withEntries(5);
  picks(scheduler, 5, 500);
  scheduler.added(5, 3);
  // 3 is fresh again, 4 is not; both are among the newest five.
  const seen = picks(scheduler, 6, 60);
  expect(seen[3]).toBeGreaterThan(3 * seen[4]);
});

test('checkpoints of older versions hold an array, which is read as well', () => {
  const [one, two] = [withEntries(9), new YieldScheduler()];
  const counts = picks(one, 9, 100);
  expect(counts).toHaveLength(9);
  const { tired, fruitless } = one.save() as { tired: string; fruitless: number };
  two.restore({ tired: [...decodeVarints(tired)], fruitless });
  expect(picks(two, 9, 200)).toEqual(picks(one, 9, 200));
});

test('what it saves of 100,000 entries is 140 kB or less', () => {
  const scheduler = withEntries(100_000);
  picks(scheduler, 100_000, 10_000);
  expect(JSON.stringify(scheduler.save()).length).toBeLessThan(140_000);
});

test('what it has learnt survives as plain data', () => {
  const [one, two] = [withEntries(9), new YieldScheduler()];
  picks(one, 9, 100);
  two.restore(JSON.parse(JSON.stringify(one.save())));
  expect(picks(two, 9, 200)).toEqual(picks(one, 9, 200));
});
