import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { EntryCache, entryBytes } from '../../src/workers/entry-cache.ts';

test('a worker holds what the campaign believes it to hold, and all that a task needs', () => {
  const task = fc.uniqueArray(fc.nat(30), { minLength: 1, maxLength: 12 });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 20 }), fc.array(task, { maxLength: 40 }), (capacity, tasks) => {
      const mirror = new EntryCache<true>(capacity);
      const cache = new EntryCache<string>(capacity);
      for (const required of tasks) {
        const sent = required.filter((entry) => mirror.get(entry) === undefined);
        for (const entry of sent) mirror.set(entry, true, 1);
        mirror.touch(required);
        for (const entry of sent) cache.set(entry, `entry ${entry}`, 1);
        cache.touch(required);
        for (const entry of required) expect(cache.get(entry)).toBe(`entry ${entry}`);
      }
    }),
  );
});

test('the entries used longest ago are evicted first', () => {
  const cache = new EntryCache<number>(2);
  for (const entry of [1, 2, 3]) cache.set(entry, entry, 1);
  cache.touch([1]);
  expect([1, 2, 3].map((entry) => cache.get(entry))).toEqual([1, undefined, 3]);
});

test('a task that needs more than the capacity keeps all of it', () => {
  const cache = new EntryCache<number>(2);
  for (const entry of [1, 2, 3, 4]) cache.set(entry, entry, 1);
  cache.touch([2, 3, 4]);
  expect([1, 2, 3, 4].map((entry) => cache.get(entry))).toEqual([undefined, 2, 3, 4]);
});

/** How many of 100,000 entries of so many bytes a cache holds. */
function heldOf(bytes: number, width = 0): number {
  const data = { form: { inputs: [], key: '' }, inputs: [new Uint8Array(bytes)] };
  const entry = { data, activations: new Float32Array(width) };
  const cache = EntryCache.forTestcases<true>(data);
  let held = 0;
  for (let i = 0; i < 100_000; i++) cache.set(i, true, entryBytes(entry));
  cache.touch([]);
  for (let i = 0; i < 100_000; i++) if (cache.get(i) !== undefined) held++;
  return held;
}

test('holds 64 MB of testcases, and four of those that are larger than 16 MB', () => {
  expect(heldOf(2 ** 19 - 1024)).toBe(128);
  expect(heldOf(2 ** 21 - 1024)).toBe(32);
  expect(heldOf(2 ** 25)).toBe(4);
});

test('counts the objects that hold a small testcase, and its activations', () => {
  expect(heldOf(16)).toBeLessThanOrEqual(65_536);
  expect(heldOf(0, 2 ** 18 - 256)).toBe(64);
});
