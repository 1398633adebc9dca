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

test('floats of another length count by how many there are, however many', () => {
  const [longer, shorter] = [1 << 20, 1 << 19].map((length) => testcaseOf(new Array(length).fill(0)));
  expect(measureDistance(longer, shorter)).toEqual({ linf: 0, l2: 0, l0: 1 << 19, edits: 1 << 19 });
  expect(measureDistance(testcaseOf([9, 9, 9]), testcaseOf([1, 2]))).toMatchObject({ l0: 1 });
});
