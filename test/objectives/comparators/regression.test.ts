import { expect, test } from '@jest/globals';
import { relativeErrors } from '../../../src/objectives/comparators/regression.ts';
import { compared, outputPair } from '../../support/output-pairs.ts';

const estimates = (reference: readonly number[], copy: readonly number[]) => [
  outputPair('y', [reference.length], reference, copy),
];

test('values differ by a share of the reference, not by an amount', () => {
  expect(compared('regression', estimates([1000, 2], [1005, 2])).violation).toBeUndefined();
  const { violation, distances, output } = compared('regression', estimates([1000, 2], [1005, 2.5]));
  expect(distances[0]).toBeCloseTo(0.25, 6);
  expect(output).toBe('y');
  expect(violation).toMatchObject({
    summary: 'y[1] is 2 in A and 2.5 in B: a relative error of 0.25',
    details: { index: 1, reference: 2, copy: 2.5, allowed: 0.01 },
  });
});

test('near zero the error is relative to the floor', () => {
  expect(compared('regression', estimates([0], [1e-5])).distances[0]).toBeCloseTo(10, 4);
  expect(compared('regression:floor=0.01', estimates([0], [1e-5])).distances[0]).toBeCloseTo(1e-3, 8);
});

test('a share of the values may lie further apart', () => {
  const pairs = estimates([1, 1, 1, 1], [1, 1, 2, 1]);
  expect(compared('regression:except=0.25', pairs).violation).toBeUndefined();
  expect(compared('regression:except=0.24', pairs).violation).toBeDefined();
});

test('what is not finite on both sides is no error, and on one side an infinite one', () => {
  const errors = relativeErrors(
    Float64Array.of(NaN, Infinity, NaN, 1),
    Float64Array.of(NaN, Infinity, 1, NaN),
    1,
  );
  expect([...errors]).toEqual([0, 0, Infinity, Infinity]);
});

test('takes outputs of floating-point numbers, and the one that is named', () => {
  const whole = outputPair('n', [1], [1], [2], 'int64');
  expect(compared('regression', [whole]).refusal).toBe(
    'needs an output of floating-point numbers, and both models have n',
  );
  const both = [...estimates([1], [1]), outputPair('z', [1], [1], [2])];
  expect(compared('regression', both).output).toBe('z');
  expect(compared('regression:output=y', both).violation).toBeUndefined();
  expect(compared('regression:output=q', both).refusal).toContain('called q, and both models have y, z');
});
