import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { LruCache } from '../../src/core/lru-cache.ts';

function cacheOf(capacity: number, keys: readonly string[]): LruCache<string, string> {
  const cache = new LruCache<string, string>(capacity);
  for (const key of keys) cache.set(key, `value of ${key}`);
  return cache;
}

test('evicts what was used longest ago, and returns it oldest first', () => {
  const cache = cacheOf(2, ['a', 'b', 'c', 'd']);
  expect(cache.get('a')).toBe('value of a');
  expect(cache.evict()).toEqual(['value of b', 'value of c']);
  expect([...cache.keys()]).toEqual(['d', 'a']);
  expect(cache.get('b')).toBeUndefined();
});

test('looking at an item is no use of it, and storing one anew is', () => {
  const cache = cacheOf(2, ['a', 'b', 'c']);
  expect(cache.peek('a')).toBe('value of a');
  cache.set('b', 'other');
  cache.evict();
  expect([...cache.values()]).toEqual(['value of c', 'other']);
});

test('counts by weight, also of items that are replaced or deleted', () => {
  const cache = new LruCache<number, string>(10, { weightOf: ({ length }) => length });
  cache.set(1, 'four');
  cache.set(2, 'sixsix');
  cache.set(1, 'eightttt');
  expect(cache.weight).toBe(14);
  expect(cache.evict()).toEqual(['sixsix']);
  cache.delete(1);
  cache.delete(1);
  expect(cache.weight).toBe(0);
});

test('pinned items stay, even where nothing else is left to evict', () => {
  const pinned = new Set(['a', 'b']);
  const cache = new LruCache<string, number>(1, { isPinned: (key) => pinned.has(key) });
  for (const [i, key] of ['a', 'b', 'c'].entries()) cache.set(key, i);
  expect(cache.evict()).toEqual([2]);
  expect(cache.weight).toBe(2);
  pinned.clear();
  expect(cache.evict()).toEqual([0]);
});

test('another capacity may be asked for, and everything cleared', () => {
  const cache = cacheOf(3, ['a', 'b', 'c']);
  expect(cache.evict()).toEqual([]);
  expect(cache.evict(1)).toEqual(['value of a', 'value of b']);
  cache.clear();
  expect([cache.weight, cache.has('c')]).toEqual([0, false]);
});

test('holds the last distinct keys used, whatever is done to it', () => {
  const keys = fc.array(fc.nat(9), { maxLength: 50 });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5 }), keys, (capacity, uses) => {
      const cache = new LruCache<number, number>(capacity);
      let expected: number[] = [];
      for (const key of uses) {
        if (cache.get(key) === undefined) cache.set(key, key);
        cache.evict();
        expected = [...expected.filter((other) => other !== key), key].slice(-capacity);
        expect([...cache.keys()]).toEqual(expected);
      }
    }),
  );
});
