import { describe, expect, test } from '@jest/globals';
import { QueryBudget } from '../../../src/fuzzer/seeds/query-budget.ts';

describe('a budget of queries', () => {
  test('ends for each seed, and for all together', () => {
    const budget = new QueryBudget({ each: 16, total: 30 });
    expect(budget.spend(0, 8)).toBe(8);
    expect(budget.spend(0, 8)).toBe(16);
    expect(budget.canSpend(0, 1)).toBe(false);
    expect(budget.canSpend(1, 14)).toBe(true);
    expect(budget.canSpend(1, 15)).toBe(false);
  });

  test('is restored; what other entries spent counts for the total alone', () => {
    const budget = new QueryBudget({ each: 16, total: 30 });
    budget.spend(3, 16);
    const restored = new QueryBudget({ each: 16, total: 30 });
    restored.restore(budget.save(), true);
    expect(restored.canSpend(3, 1)).toBe(false);
    const shifted = new QueryBudget({ each: 16, total: 30 });
    shifted.restore(budget.save(), false);
    expect(shifted.canSpend(3, 14)).toBe(true);
    expect(shifted.canSpend(3, 15)).toBe(false);
  });
});
