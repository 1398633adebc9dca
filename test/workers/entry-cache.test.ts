import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { LruCache } from '../../src/workers/entry-cache.ts';

test('a worker holds whatever the campaign believes it to hold, and all that a task needs', () => {
  const task = fc.uniqueArray(fc.nat(30), { minLength: 1, maxLength: 12 });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 20 }), fc.array(task, { maxLength: 40 }), (capacity, tasks) => {
      const ledger = new LruCache<true>(capacity);
      const shelf = new LruCache<string>(capacity);
      for (const needs of tasks) {
        const sent = needs.filter((entry) => ledger.get(entry) === undefined);
        for (const entry of sent) ledger.set(entry, true);
        ledger.touch(needs);
        for (const entry of sent) shelf.set(entry, `entry ${entry}`);
        shelf.touch(needs);
        for (const entry of needs) expect(shelf.get(entry)).toBe(`entry ${entry}`);
      }
    }),
  );
});

test('what was not used for longest goes first', () => {
  const shelf = new LruCache<number>(2);
  for (const entry of [1, 2, 3]) shelf.set(entry, entry);
  shelf.touch([1]);
  expect([1, 2, 3].map((entry) => shelf.get(entry))).toEqual([1, undefined, 3]);
});
