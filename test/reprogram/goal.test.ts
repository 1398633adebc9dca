import { expect, test } from '@jest/globals';
import { counts, goalName, isReached, successOf } from '../../src/reprogram/goal.ts';

const toOne = { kind: 'class', target: 1 } as const;
const unsure = { kind: 'abstain', below: 0.5 } as const;

test('success counts inputs of other classes alone', () => {
  const logits = [Float64Array.of(0, 2, 1), Float64Array.of(0, 2, 1), Float64Array.of(3, 0, 0)];
  expect(successOf(toOne, logits, [1, 0, 2])).toBe(0.5);
  expect(successOf(toOne, logits, [1, 1, 1])).toBe(0);
  expect(counts(toOne, 1)).toBe(false);
});

test('a model is unsure where no softmax share reaches the bound', () => {
  const even = Float64Array.of(5, 5, 5);
  const sure = Float64Array.of(9, 0, 0);
  expect([even, sure].map((row) => isReached(unsure, row))).toEqual([true, false]);
  expect(successOf(unsure, [even, sure], [0, 0])).toBe(0.5);
  expect([goalName(toOne), goalName(unsure)]).toEqual(['1', 'abstain']);
});
