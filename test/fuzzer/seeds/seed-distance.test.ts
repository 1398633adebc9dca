import { expect, test } from '@jest/globals';
import { seedDistance, seedNorm } from '../../../src/fuzzer/seeds/seed-distance.ts';
import { traitsOf } from '../../support/mutators.ts';
import { testcaseOf } from '../../support/tasks.ts';

test.each(['float32', 'float64', 'float16', 'int32'] as const)(
  'distances of %s are over all values',
  (type) => {
    expect(seedDistance(testcaseOf([1, 5, 2, 0], type), testcaseOf([1, 2, 6, 0], type))).toMatchObject({
      linf: 4,
      l2: 5,
      l0: 2,
    });
  },
);

test('between testcases of different sizes they are not known, but for the edits', () => {
  const distance = seedDistance(testcaseOf([1, 2, 3], 'int32'), testcaseOf([1, 2], 'int32'));
  expect(distance).toEqual({ linf: Infinity, l2: Infinity, l0: 1 });
});

test('the norm is that of the constraint, else L∞ for numbers and L0 for others', () => {
  const tokens = traitsOf({ type: 'int64', domains: ['tokens'] });
  expect(seedNorm({ linf: 0.1, l2: 3 }, [traitsOf()])).toBe('linf');
  expect(seedNorm({ l2: 3, l0: 4 }, [traitsOf()])).toBe('l2');
  expect(seedNorm({ l0: 4 }, [traitsOf()])).toBe('l0');
  expect(seedNorm({}, [tokens, traitsOf()])).toBe('linf');
  expect(seedNorm({ edits: 3 }, [tokens])).toBe('l0');
});
