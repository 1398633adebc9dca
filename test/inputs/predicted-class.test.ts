import { describe, expect, test } from '@jest/globals';
import { NO_CLASS } from '../../src/inputs/class-label.ts';
import { predictedClassOf } from '../../src/inputs/predicted-class.ts';
import type { BatchResult } from '../../src/model/batched-model.ts';

type Output = BatchResult['outputs'][number];

const output = (size: number, data: Output['data'], type: Output['type'] = 'float32'): Output => ({
  name: 'y',
  type,
  shape: [size],
  size,
  data,
});
const result = (outputs: readonly Output[], texts?: BatchResult['texts']): BatchResult => ({
  rows: 2,
  inputs: [],
  outputs,
  activations: [],
  ...(texts === undefined ? {} : { texts }),
});

describe('the predicted class of a row', () => {
  test('is the index of the greatest value of the first output of several', () => {
    const batch = result([
      output(1, Float32Array.of(9, 9)),
      output(3, Float32Array.of(0, 2, 1, 5, 4, 3)),
      output(2, Float32Array.of(0, 1, 0, 1)),
    ]);
    expect([predictedClassOf(batch, 0), predictedClassOf(batch, 1)]).toEqual([1, 0]);
  });

  test('is the first of equal ones, and ignores NaN', () => {
    const batch = result([output(3, Float32Array.of(1, 1, 0, Number.NaN, 2, 1))]);
    expect([predictedClassOf(batch, 0), predictedClassOf(batch, 1)]).toEqual([0, 1]);
  });

  test('is that of an output of one dimension: masks and the states of a recurrent network hold no scores', () => {
    const state = { ...output(4, Float32Array.of(9, 0, 0, 0, 0, 9, 0, 0)), shape: [2, 1, 2] };
    const scores = { ...output(2, Float32Array.of(0, 1, 1, 0)), shape: [1, 1, 2] };
    const batch = result([state, scores]);
    expect([predictedClassOf(batch, 0), predictedClassOf(batch, 1)]).toEqual([1, 0]);
    expect(predictedClassOf(result([state]), 0)).toBe(NO_CLASS);
  });

  test('is none where no output of floats has several values', () => {
    expect(predictedClassOf(result([output(1, Float32Array.of(1, 2))]), 0)).toBe(NO_CLASS);
    expect(predictedClassOf(result([output(2, Int32Array.of(1, 2, 3, 4), 'int32')]), 0)).toBe(NO_CLASS);
  });
});
