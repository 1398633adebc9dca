import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { SortedIndex } from '../../../src/coverage/index/sorted-index.ts';
import { ExactIndex } from '../../support/brute-force-index.ts';

describe('the sorted index', () => {
  test('agrees with a look at every number, wherever the query lies in its batch', () => {
    const numbers = fc.array(
      fc.float({ noNaN: true, noDefaultInfinity: true, min: Math.fround(-1e6), max: Math.fround(1e6) }),
      { minLength: 1, maxLength: 60 },
    );
    fc.assert(
      fc.property(numbers, numbers, (stored, asked) => {
        const sorted = new SortedIndex();
        const exact = new ExactIndex();
        for (const value of stored) {
          sorted.add(Float32Array.of(value));
          exact.add(Float32Array.of(value));
        }
        const batch = Float32Array.from(asked);
        for (const [row, value] of batch.entries()) {
          expect(sorted.nearest(batch, row)).toBe(exact.nearest(Float32Array.of(value)));
          expect(Math.abs(stored[sorted.nearestEntry(batch, row)] - value)).toBe(
            Math.sqrt(exact.nearest(Float32Array.of(value))),
          );
        }
      }),
    );
  });

  // Up to the end, down from it, everywhere, and one number again and again: blocks are split at all places.
  test.each([
    ['ascending', (i: number) => i],
    ['descending', (i: number) => -i],
    ['anywhere', (i: number) => (i * 7919) % 4999],
    ['equal', (i: number) => Math.floor(i / 2500)],
  ])('grows past many blocks of numbers: %s', (_, numberAt) => {
    const sorted = new SortedIndex();
    const exact = new ExactIndex();
    for (let i = 0; i < 5000; i++) {
      sorted.add(Float32Array.of(numberAt(i)));
      exact.add(Float32Array.of(numberAt(i)));
    }
    expect(sorted.size).toBe(5000);
    for (let asked = -5001; asked < 5002; asked += 61.75)
      expect(sorted.nearest(Float32Array.of(asked))).toBe(exact.nearest(Float32Array.of(asked)));
  });

  test('is infinitely far while empty, and has no snapshots', () => {
    const sorted = new SortedIndex();
    expect(sorted.nearest(Float32Array.of(0))).toBe(Number.POSITIVE_INFINITY);
    expect(sorted.loadPrefix()).toBe(0);
  });
});
