import { describe, expect, test } from '@jest/globals';
import {
  amplitudeDifference,
  dependsOnBatch,
  largestDifference,
  rowValues,
} from '../../../src/analysis/batch-dependence/row-difference.ts';

const floats = (...values: number[]) =>
  rowValues({ type: 'float32', data: Float32Array.from(values), size: values.length }, 0);

describe('the largest difference', () => {
  test('is a share of the largest value, of the row asked for', () => {
    const batch = { type: 'float32', data: Float32Array.of(9, 9, 2, -4), size: 2 } as const;
    expect(largestDifference(rowValues(batch, 1), floats(2, -4))).toBe(0);
    expect(largestDifference(rowValues(batch, 1), floats(2, -3))).toBe(0.25);
  });

  test('is infinite where only one of two values is finite, and none between equal ones that are not', () => {
    expect(largestDifference(floats(1, Number.NaN), floats(1, Number.NaN))).toBe(0);
    expect(largestDifference(floats(1, Infinity), floats(1, Infinity))).toBe(0);
    expect(largestDifference(floats(1, Number.NaN), floats(1, 2))).toBe(Infinity);
    expect(largestDifference(floats(1, 2), floats(1, Infinity))).toBe(Infinity);
  });

  test('is infinite between whole numbers', () => {
    const whole = (value: bigint) => rowValues({ type: 'int64', data: BigInt64Array.of(value), size: 1 }, 0);
    expect(largestDifference(whole(3n), whole(3n))).toBe(0);
    expect(largestDifference(whole(3n), whole(4n))).toBe(Infinity);
    expect(amplitudeDifference(whole(3n), whole(4n))).toBe(0);
  });
});

test('the share of the amplitude counts all values together', () => {
  expect(amplitudeDifference(floats(3, 4), floats(3, 4))).toBe(0);
  expect(amplitudeDifference(floats(3, 4), floats(3, 5))).toBeCloseTo(0.2);
  expect(amplitudeDifference(floats(3, 4), floats(3, Number.NaN))).toBe(Infinity);
});

test('answers depend on the batch by their neighbours beyond rounding, or by its size beyond a tenth', () => {
  const tensors = (value: number) => [{ type: 'float32' as const, data: Float32Array.of(value, 1) }];
  const depends = (alone: number, copies: number, together: number) =>
    dependsOnBatch(tensors(alone), tensors(copies), tensors(together));
  expect(depends(1, 1, 1.0001)).toBe(true);
  expect(depends(1, 1.02, 1.02)).toBe(false);
  expect(depends(1, 1.5, 1.5)).toBe(true);
  expect(dependsOnBatch(undefined, tensors(1), tensors(2))).toBe(false);
});
