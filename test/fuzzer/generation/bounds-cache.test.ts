import { describe, expect, test } from '@jest/globals';
import { BoundsCache } from '../../../src/fuzzer/generation/bounds-cache.ts';
import { traitsOf } from '../../support/mutators.ts';
import { testcaseOf } from '../../support/tasks.ts';

const INPUT = traitsOf({ size: 2, type: 'float64' });
const { form } = testcaseOf([0.5, 0.25], 'float64');

const never = (): never => {
  throw new Error('the ancestor was asked for');
};

describe('without a constraint', () => {
  test('bounds are the range, whichever the ancestor is, and are made once', () => {
    const cache = new BoundsCache([INPUT], undefined);
    const bounds = cache.around(form, 0, 3, never);
    expect([...bounds.low, ...bounds.high]).toEqual([0, 0, 1, 1]);
    expect(cache.around(form, 0, 4, never)).toBe(bounds);
  });

  test('each shape has bounds of its own', () => {
    const cache = new BoundsCache([INPUT], undefined);
    const other = testcaseOf([0.5, 0.25, 0.5], 'float64').form;
    expect(cache.around(other, 0, 3, never).low.length).toBe(3);
    expect(cache.around(form, 0, 3, never).low.length).toBe(2);
  });
});

describe('with an L∞ limit', () => {
  const around = (cache: BoundsCache, ancestor: number, values: readonly number[]) =>
    cache.around(form, 0, ancestor, () => Float64Array.from(values));

  test('bounds are the ball around the ancestor within the range', () => {
    const { low, high } = around(new BoundsCache([INPUT], 0.5), 3, [0.25, 0.75]);
    expect([...low]).toEqual([0, 0.25]);
    expect([...high]).toEqual([0.75, 1]);
  });

  test('those of the last 64 ancestors are kept', () => {
    const cache = new BoundsCache([INPUT], 0.5);
    const first = around(cache, 0, [0.5, 0.5]);
    for (let ancestor = 1; ancestor < 64; ancestor++) around(cache, ancestor, [0.5, 0.5]);
    expect(cache.around(form, 0, 0, never)).toBe(first);
    around(cache, 64, [0.5, 0.5]);
    expect(around(cache, 0, [0.5, 0.5])).not.toBe(first);
  });
});
