import { expect, test } from '@jest/globals';
import { LazyObservations } from '../../src/fuzzer/lazy-observations.ts';

test('observations are made once, when one is needed first', () => {
  let calls = 0;
  const observations = new LazyObservations(() => {
    calls++;
    return Float32Array.of(1, 2, 3, Number.NaN);
  }, 2);
  expect(calls).toBe(0);
  expect(observations.width).toBe(2);
  expect([0, 1].map((row) => observations.isFinite(row))).toEqual([true, false]);
  const row = observations.at(0);
  expect(row).toEqual(Float32Array.of(1, 2));
  row[0] = 9;
  expect(observations.vectors[0]).toBe(1);
  expect(calls).toBe(1);
});
