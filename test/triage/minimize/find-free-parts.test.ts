import { describe, expect, test } from '@jest/globals';
import { randomStream } from '../../../src/core/random.ts';
import { CHECK_DRAWS, findFreeParts } from '../../../src/triage/minimize/find-free-parts.ts';
import { TryBudget } from '../../../src/triage/minimize/test-oracle.ts';

/** Values of a testcase, of which some are drawn anew from 0 to 9. */
function find(
  values: readonly number[],
  fails: (values: readonly number[]) => boolean,
  { tries = 100_000, groups = [[...values.keys()]] }: { tries?: number; groups?: number[][] } = {},
) {
  const budget = new TryBudget(tries);
  const variantOf = (parts: readonly number[], draw: number): number[] => {
    const random = randomStream('test', draw);
    const drawn = values.map(() => random.below(10));
    return values.map((value, i) => (parts.includes(i) ? drawn[i] : value));
  };
  let runs = 0;
  const oracle = async (variants: readonly (readonly number[])[]) => {
    runs += variants.length;
    return variants.map(fails);
  };
  return findFreeParts({ groups, variantOf, oracle, budget }).then((found) => ({
    ...found,
    tried: runs,
    left: budget.remaining,
  }));
}

const ALL = Array.from({ length: 100 }, () => 5);

describe('parts of which the failure is independent', () => {
  test('are free, the others are needed', async () => {
    const { free, needed, runs, failing } = await find(ALL, (v) => v[3] === 5 && v[70] === 5);
    expect(needed).toEqual([3, 70]);
    expect(free).toHaveLength(98);
    expect([runs, failing]).toEqual([CHECK_DRAWS, CHECK_DRAWS]);
  });

  test('are free together: of two that may each vary alone, one is needed', async () => {
    const { free, needed } = await find([5, 5, 0], (v) => v[0] === 5 || v[1] === 5);
    expect(needed).toHaveLength(1);
    expect(free).toHaveLength(2);
  });

  test('are none where each value counts, and all where none does', async () => {
    const none = await find(ALL.slice(0, 20), (v) => v.every((value) => value === 5));
    expect(none).toMatchObject({ free: [], needed: [...Array(20).keys()], runs: 0 });
    expect(await find(ALL, () => true)).toMatchObject({ needed: [], failing: CHECK_DRAWS });
  });

  test('are told from those that a rare value breaks by the runs of the check', async () => {
    // One value in ten: eight draws may miss it, the 64 of the check do not.
    const { free, needed } = await find(ALL, (v) => v[40] !== 0);
    expect(needed).toEqual([40]);
    expect(free).not.toContain(40);
  });
});

test('no more runs are made than the budget has, and parts that were not reached are neither', async () => {
  const { free, needed, tried, left } = await find(ALL, (v) => v.every((value) => value === 5), {
    tries: 500,
  });
  expect(tried).toBe(500 - left);
  expect(left).toBeGreaterThanOrEqual(0);
  expect(free).toEqual([]);
  expect(needed.length).toBeLessThan(100);
});

test('the same testcase gives the same', async () => {
  const twice = [1, 2].map(() => find(ALL, (v) => v[3] + v[4] + v[5] > 12));
  const [first, second] = await Promise.all(twice);
  expect(second).toEqual(first);
});
