import { expect, test } from '@jest/globals';
import { MAX_MARGIN } from '../../../src/fuzzer/search/search-goal.ts';
import { makeMarginBuffer, subgoalMargins } from '../../../src/fuzzer/search/subgoal-margins.ts';

test('each element of an operand is a subgoal; of many the closest and some spread over all', () => {
  const out = makeMarginBuffer();
  expect(subgoalMargins(Float64Array.of(3, 1, 2), out)).toBe(3);
  expect([...out.subarray(0, 3)]).toEqual([3, 1, 2]);
  const many = Float64Array.from({ length: 1000 }, (_, i) => 1000 - i);
  expect(subgoalMargins(many, out)).toBe(16);
  expect(out[0]).toBe(1);
  expect(out[1]).toBe(1000 - 33);
  expect(new Set(out.subarray(0, 16)).size).toBe(16);
  expect(subgoalMargins(many, out, true)).toBe(1);
  expect(out[0]).toBe(1);
  expect(subgoalMargins(Float64Array.of(Number.POSITIVE_INFINITY), out)).toBe(1);
  expect(out[0]).toBe(MAX_MARGIN);
});

test('where testcases differ in shape, the closest element is the only subgoal of a small operand too', () => {
  const out = makeMarginBuffer();
  expect(subgoalMargins(Float64Array.of(3, 1, 2), out, true)).toBe(1);
  expect(out[0]).toBe(1);
});

test('the buffer holds the margins of an objective with the most it may have', () => {
  expect(makeMarginBuffer().length).toBe(64);
});
