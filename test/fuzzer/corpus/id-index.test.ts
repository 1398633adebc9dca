import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { IdIndex } from '../../../src/fuzzer/corpus/id-index.ts';

const hex = (value: bigint): string => value.toString(16).padStart(16, '0');

test('ids have the indices in whose order they were added, as in a map', () => {
  // Small ids fall into neighbouring slots of the table, large ones anywhere.
  const ids = fc.uniqueArray(
    fc.oneof(fc.bigInt({ min: 0n, max: 40n }), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })),
    { maxLength: 60 },
  );
  fc.assert(
    fc.property(ids, ids, (added, asked) => {
      const index = new IdIndex();
      for (const id of added) index.add(hex(id));
      expect(index.size).toBe(added.length);
      expect(added.map((_, i) => index.idAt(i))).toEqual(added.map(hex));
      for (const id of [...added, ...asked]) {
        const at = added.indexOf(id);
        expect(index.indexOf(hex(id))).toBe(at < 0 ? undefined : at);
      }
    }),
  );
});

test('grows to 100,000 ids, and takes 24 bytes for each at most', () => {
  const index = new IdIndex();
  const before = process.memoryUsage().arrayBuffers;
  // Multiples of an odd number: all different.
  const idOf = (i: number): string => hex((BigInt(i) * 0x9e3779b97f4a7c15n) % 2n ** 64n);
  for (let i = 0; i < 100_000; i++) index.add(idOf(i));
  for (let i = 0; i < 100_000; i += 997) expect(index.indexOf(idOf(i))).toBe(i);
  expect(index.indexOf(idOf(100_000))).toBeUndefined();
  expect((process.memoryUsage().arrayBuffers - before) / 2 ** 17).toBeLessThan(48);
});

test('what is no id is not found, and is refused', () => {
  const index = new IdIndex();
  expect(index.indexOf('gone')).toBeUndefined();
  expect(() => index.add('gone')).toThrow(/gone is not a testcase/);
});
