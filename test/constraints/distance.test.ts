import { expect, test } from '@jest/globals';
import { measureDistance } from '../../src/constraints/distance.ts';
import { testcaseOf } from '../support/tasks.ts';

test('values of equal shapes are compared one by one', () => {
  expect(measureDistance(testcaseOf([1, 5, 2]), testcaseOf([1, 2, 6]))).toEqual({ linf: 4, l2: 5, l0: 2 });
});

test('tokens of another length are measured by edits', () => {
  const distance = measureDistance(testcaseOf([7, 1, 2, 3], 'int64'), testcaseOf([1, 2, 3], 'int64'));
  expect(distance).toEqual({ linf: 0, l2: 0, l0: 1, edits: 1 });
});

test('floats of another length are compared with the seed at that length, and count by how many there are', () => {
  const [longer, shorter] = [1 << 20, 1 << 19].map((length) => testcaseOf(new Array(length).fill(0)));
  expect(measureDistance(longer, shorter)).toEqual({ linf: 0, l2: 0, l0: 1 << 19, edits: 1 << 19 });
  // The last value is repeated: 1, 2, 2 against 1, 5, 2.
  expect(measureDistance(testcaseOf([1, 5, 2]), testcaseOf([1, 2]))).toEqual({
    linf: 3,
    l2: 3,
    l0: 2,
    edits: 1,
  });
  expect(measureDistance(testcaseOf([4]), testcaseOf([1, 2]))).toEqual({ linf: 3, l2: 3, l0: 2, edits: 1 });
});
