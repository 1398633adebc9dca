import { describe, expect, test } from '@jest/globals';
import { fitToBudget } from '../../../src/fuzzer/scheduling/fit-to-budget.ts';
import type { PlannedWork } from '../../../src/fuzzer/scheduling/task.ts';
import { QueryBudget } from '../../../src/fuzzer/seeds/query-budget.ts';
import type { QueryLimits } from '../../../src/fuzzer/seeds/spent-per-seed.ts';

describe('a task within a budget', () => {
  /** Picks of entries, each of which is a descendant of the seed of its first digit. */
  const work = (parents: readonly number[], others: Partial<PlannedWork> = {}): PlannedWork => ({
    parents,
    partners: parents.map((parent) => parent + 1),
    stacks: parents.flatMap((_, pick) => [pick, -1]),
    ...others,
  });
  const within = (planned: PlannedWork, limits: QueryLimits) =>
    fitToBudget(planned, 8 * planned.parents.length, new QueryBudget(limits), (entry) =>
      Math.floor(entry / 10),
    );

  test('is whole where all of it is within', () => {
    const planned = work([10, 20, 11]);
    expect(within(planned, { each: 16 })).toEqual({ ...planned, mutants: 24, queries: [8, 8, 16] });
  });

  test('loses the picks beyond it, with their mutators and goals', () => {
    const goal = { goalIndex: 0, subgoals: [0, 1, 2], slots: [4, 5, 6], marginsToBeat: [7, 8, 9], best: [1] };
    expect(within(work([10, 11, 20], { goal, radii: [1, 2, 3] }), { each: 8 })).toEqual({
      parents: [10, 20],
      partners: [11, 21],
      stacks: [0, -1, 2, -1],
      goal: { ...goal, subgoals: [0, 2], slots: [4, 6], marginsToBeat: [7, 9] },
      radii: [1, 3],
      mutants: 16,
      queries: [8, 8],
    });
  });

  test('loses all steps of a pick together', () => {
    const planned = work([10, 20, 10, 20, 10, 20], { picksPerStep: 2 });
    expect(within(planned, { total: 30 })).toMatchObject({
      parents: [10, 10, 10],
      picksPerStep: 1,
      mutants: 24,
      queries: [8, 16, 24],
    });
  });

  test('pays three queries for each gradient', () => {
    const goal = {
      goalIndex: 0,
      subgoals: [0, 0],
      slots: [0, 0],
      marginsToBeat: [0, 0],
      best: [],
      ascends: true,
    } as const;
    const planned = work([10, 10], { goal, picksPerStep: 1 });
    expect(within(planned, { each: 22 })).toMatchObject({ queries: [11, 22] });
    expect(within(planned, { each: 21 })).toBeUndefined();
  });

  test('is none where nothing is left, and nothing is spent', () => {
    const budget = new QueryBudget({ each: 12 });
    expect(fitToBudget(work([10, 10], { picksPerStep: 1 }), 16, budget, () => 1)).toBeUndefined();
    expect(budget.save()).toEqual([]);
  });
});
