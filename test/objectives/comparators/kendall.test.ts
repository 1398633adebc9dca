import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { kendallTau } from '../../../src/objectives/comparators/kendall.ts';

const tau = (a: readonly number[], b: readonly number[]): number =>
  kendallTau(Float64Array.from(a), Float64Array.from(b));

/** τ-b by its definition, pair by pair. */
function tauOfPairs(a: readonly number[], b: readonly number[]): number {
  let [concordant, untiedA, untiedB] = [0, 0, 0];
  for (let i = 0; i < a.length; i++)
    for (let j = 0; j < i; j++) {
      const [x, y] = [Math.sign(a[i] - a[j]), Math.sign(b[i] - b[j])];
      concordant += x * y;
      untiedA += x * x;
      untiedB += y * y;
    }
  return concordant / Math.sqrt(untiedA * untiedB);
}

describe('Kendall’s rank correlation', () => {
  test('is that of examples', () => {
    expect(tau([1, 2, 3], [10, 20, 30])).toBe(1);
    expect(tau([1, 2, 3], [3, 2, 1])).toBe(-1);
    // Of the 10 pairs one is in the other order.
    expect(tau([1, 2, 3, 4, 5], [1, 2, 3, 5, 4])).toBeCloseTo(0.8, 12);
    // scipy.stats.kendalltau([12, 2, 1, 12, 2], [1, 4, 7, 1, 0])
    expect(tau([12, 2, 1, 12, 2], [1, 4, 7, 1, 0])).toBeCloseTo(-0.4714045207910316, 12);
  });

  test('is that of all pairs, with equal scores among them', () => {
    const scores = fc.array(fc.tuple(fc.integer({ min: 0, max: 5 }), fc.integer({ min: 0, max: 5 })), {
      minLength: 2,
      maxLength: 30,
    });
    fc.assert(
      fc.property(scores, (list) => {
        const [a, b] = [list.map(([x]) => x), list.map(([, y]) => y)];
        fc.pre(new Set(a).size > 1 && new Set(b).size > 1);
        expect(tau(a, b)).toBeCloseTo(tauOfPairs(a, b), 10);
      }),
    );
  });

  test('of equal scores alone is 1 where both have them, and 0 where one has', () => {
    expect([tau([2, 2], [3, 3]), tau([2, 2], [1, 3]), tau([5], [5])]).toEqual([1, 0, 1]);
  });
});
