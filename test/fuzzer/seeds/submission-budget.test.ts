import { describe, expect, test } from '@jest/globals';
import { SubmissionBudget } from '../../../src/fuzzer/seeds/submission-budget.ts';

describe('a budget of submissions', () => {
  test('is spent by submitting, not by searching', () => {
    const budget = new SubmissionBudget({ each: 1 });
    expect(budget.priceOfPick()).toBe(0);
    expect(budget.spend(3)).toBe(0);
    expect(budget.canSpend(3)).toBe(true);
    expect(budget.submit(3)).toBe(1);
    expect(budget.canSpend(3)).toBe(false);
    expect(budget.canSpend(4)).toBe(true);
    expect([budget.submitted(3), budget.submitted(4), budget.total]).toEqual([1, 0, 1]);
  });

  test('counts submissions that are under way for other seeds to the total', () => {
    const budget = new SubmissionBudget({ total: 3 });
    budget.submit(1);
    expect(budget.canSubmit(2, 1)).toBe(true);
    expect(budget.canSubmit(2, 2)).toBe(false);
  });

  test('is restored; submissions for other entries count for the total alone', () => {
    const budget = new SubmissionBudget({ each: 1, total: 2 });
    budget.submit(7);
    const restored = new SubmissionBudget({ each: 1, total: 2 });
    restored.restore(budget.save(), true);
    expect([restored.canSpend(7), restored.total]).toEqual([false, 1]);
    const shifted = new SubmissionBudget({ each: 1, total: 2 });
    shifted.restore(budget.save(), false);
    expect([shifted.canSpend(7), shifted.total]).toEqual([true, 1]);
  });
});
