import { expect, test } from '@jest/globals';
import { limitsOf } from '../../../src/analysis/numerical-sites/hazard.ts';
import {
  type PointwiseHazard,
  throughAffine,
  throughMonotone,
} from '../../../src/analysis/numerical-sites/pointwise-hazard.ts';

const limits = limitsOf('float32');
const region = (kind: PointwiseHazard['kind'], bound: number, strict = false): PointwiseHazard =>
  kind === 'at' ? { kind, bound, unit: 1 } : { kind, bound, unit: 1, ...(strict ? { strict } : {}) };

test('a negative factor turns the region round, and the unit is the spacing at the new bound', () => {
  expect(throughAffine(region('below', 6), 2, 2, limits)).toEqual({
    kind: 'below',
    bound: 2,
    unit: 2 * limits.epsilon,
  });
  expect(throughAffine(region('below', 6, true), -1, 0, limits)).toMatchObject({
    kind: 'above',
    bound: -6,
    strict: true,
  });
  expect(throughAffine(region('at', 1), -4, 1, limits)).toEqual({ kind: 'at', bound: -0, unit: limits.tiny });
});

test('a bound within the values of a function is inverted; at their end it is where the function saturates', () => {
  const sigmoid = (hazard: PointwiseHazard) =>
    throughMonotone(hazard, 0, 1, (y) => Math.log(y / (1 - y)), limits, -104, 17);
  expect(sigmoid(region('below', 0.5))).toMatchObject({ kind: 'below', bound: 0 });
  expect(sigmoid(region('at', 0))).toMatchObject({ kind: 'below', bound: -104 });
  expect(sigmoid(region('at', 1))).toMatchObject({ kind: 'above', bound: 17 });
});

test('a region that a function never reaches has none before it', () => {
  const relu = (hazard: PointwiseHazard) =>
    throughMonotone(hazard, 0, Number.POSITIVE_INFINITY, (y) => y, limits);
  expect(relu(region('below', 0))).toMatchObject({ kind: 'below', bound: 0 });
  expect(relu(region('below', 0, true))).toBeUndefined();
  expect(relu(region('below', -1))).toBeUndefined();
  expect(relu(region('at', -1))).toBeUndefined();
});
