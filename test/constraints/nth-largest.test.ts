import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { nthLargest } from '../../src/constraints/nth-largest.ts';

test('is what sorting gives, with ties', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 30 }),
      fc.nat(),
      (numbers, seed) => {
        const n = 1 + (seed % numbers.length);
        expect(nthLargest(Float64Array.from(numbers), n)).toBe([...numbers].sort((a, b) => b - a)[n - 1]);
      },
    ),
  );
});
