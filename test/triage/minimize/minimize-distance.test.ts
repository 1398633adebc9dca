import { describe, expect, test } from '@jest/globals';
import type { TestcaseData } from '../../../src/inputs/testcase.ts';
import { minimizeDistance } from '../../../src/triage/minimize/minimize-distance.ts';
import { TryBudget } from '../../../src/triage/minimize/test-oracle.ts';
import { testcaseOf } from '../../support/tasks.ts';

const valuesOf = ({ inputs: [values] }: TestcaseData): number[] => Array.from(values as Float32Array);

function minimized(
  fails: (values: readonly number[]) => boolean,
  options: Partial<Parameters<typeof minimizeDistance>[0]> = {},
): Promise<TestcaseData> {
  return minimizeDistance({
    seed: testcaseOf([0, 1, 2]),
    testcase: testcaseOf([4, -1, 2.5]),
    isNumber: () => true,
    norm: 'linf',
    oracle: async (variants) => variants.map((variant) => fails(valuesOf(variant))),
    budget: new TryBudget(1000),
    ...options,
  });
}

describe('the distance of a testcase', () => {
  test('in L∞ becomes the least radius at which it fails', async () => {
    const [first, second, third] = valuesOf(await minimized(([value]) => value >= 1));
    expect(first).toBeGreaterThanOrEqual(1);
    expect(first).toBeLessThan(1.002);
    expect(second).toBeCloseTo(1 - first);
    expect(third).toBe(2.5);
  });

  test('in L2 becomes that of the least share of all changes', async () => {
    const [first, second, third] = valuesOf(await minimized(([value]) => value >= 1, { norm: 'l2' }));
    expect(first).toBeGreaterThanOrEqual(1);
    expect(first).toBeLessThan(1.002);
    expect(second).toBeCloseTo(1 - first / 2);
    expect(third).toBeCloseTo(2 + first / 8);
  });

  test('may have gaps: the least radius that fails is taken', async () => {
    const [first] = valuesOf(await minimized(([value]) => value >= 3 || (value >= 0.5 && value < 1)));
    expect(first).toBeGreaterThanOrEqual(0.5);
    expect(first).toBeLessThan(0.502);
  });

  test('stays where nothing nearer fails, where no try is left, and of inputs that are no numbers', async () => {
    expect(valuesOf(await minimized(() => false))).toEqual([4, -1, 2.5]);
    expect(valuesOf(await minimized(() => true, { budget: new TryBudget(0) }))).toEqual([4, -1, 2.5]);
    expect(valuesOf(await minimized(() => true, { isNumber: () => false }))).toEqual([4, -1, 2.5]);
  });

  test('of whole numbers is whole', async () => {
    const smaller = await minimized(([value]) => value >= 2, {
      seed: testcaseOf([0, 5], 'int32'),
      testcase: testcaseOf([9, 1], 'int32'),
    });
    expect(valuesOf(smaller)).toEqual([2, 3]);
  });
});
