import { describe, expect, test } from '@jest/globals';
import type { BatchTensor } from '../../src/model/batched-model.ts';
import { classSlope } from '../../src/objectives/class-slope.ts';
import { RowReader } from '../../src/objectives/output-difference.ts';

function outputOf(values: readonly number[]): BatchTensor {
  const data = Float64Array.from(values);
  return { name: 'logits', type: 'float64', size: data.length, shape: [data.length], data };
}

const LOGITS = [1, 7, 3, 6, 2];

function slopeOf(values: readonly number[], rank?: number, second?: readonly number[]) {
  const rule = { isRival: () => true, rank };
  const other = second && Float64Array.from(second);
  return classSlope(outputOf(values), 0, values.length, new RowReader(), rule, other);
}

describe('the slope of a gap between two classes', () => {
  test.each([
    [undefined, 1, [0, 1, 0, -1, 0]],
    [0, 1, [0, 1, 0, -1, 0]],
    [1, 4, [0, 1, -1, 0, 0]],
    [3, 6, [-1, 1, 0, 0, 0]],
    // There are four rivals.
    [9, 6, [-1, 1, 0, 0, 0]],
  ])('rank %s: the gap is %d', (rank, gap, slope) => {
    const found = slopeOf(LOGITS, rank);
    expect(found?.distance).toBe(gap);
    expect([...(found?.tensors.get('logits') ?? [])]).toEqual(slope);
    expect(found?.beyond).toBeUndefined();
  });

  test('a second model tells where the two disagree: its gap is larger by the lead', () => {
    const { distance, beyond } = slopeOf(LOGITS, 0, [1, 7.5, 3, 6.25, 2]) ?? {};
    expect(distance).toBe(1);
    expect(beyond?.lead).toBeCloseTo(0.25, 9);
    expect(beyond?.spread).toBeCloseTo(7e-3, 9);
  });

  test('the lead is 0 where the second model is not finite', () => {
    expect(slopeOf(LOGITS, 0, [1, Number.NaN, 3, 6, 2])?.beyond?.lead).toBe(0);
  });

  test('gaps of shares are those of their logarithms', () => {
    const found = slopeOf([0.5, 0.25, 0.125, 0.125], 0, [0.5, 0.25, 0.125, 0.125]);
    expect(found?.distance).toBeCloseTo(Math.LN2, 6);
    expect(found?.tensors.get('logits')?.[0]).toBeCloseTo(2, 6);
    expect(found?.beyond?.lead).toBeCloseTo(0, 6);
  });
});
