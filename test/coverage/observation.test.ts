import { describe, expect, test } from '@jest/globals';
import { countObservations, isFiniteVector, squaredDistance } from '../../src/coverage/observation.ts';
import { observationsOf } from '../support/observations.ts';

describe('observations', () => {
  test('have the squared L2 distance that is worked out by hand', () => {
    expect(squaredDistance(Float32Array.of(9, 1, 2), 1, Float32Array.of(4, 6))).toBe(25);
  });

  test('are finite where each of the numbers in question is', () => {
    expect(isFiniteVector(Float32Array.of(1, Number.NaN, 3), 0, 3)).toBe(false);
    expect(isFiniteVector(Float32Array.of(1, Number.NaN, 3), 2, 1)).toBe(true);
    expect(isFiniteVector(Float32Array.of(Number.NEGATIVE_INFINITY), 0, 1)).toBe(false);
  });

  test('are counted by their width; none has the width 0', () => {
    expect(countObservations(observationsOf([1, 2], [3, 4], [5, 6]))).toBe(3);
    expect(countObservations({ vectors: new Float32Array(0), width: 0 })).toBe(0);
  });
});
