import { expect, test } from '@jest/globals';
import type { Hazard } from '../../../../src/analysis/numerical-sites/hazard.ts';
import { LOG_MARGIN_AIM, siteSlope } from '../../../../src/fuzzer/search/ascent/site-slope.ts';
import type { BatchTensor } from '../../../../src/model/batched-model.ts';

const tensor = (name: string, values: readonly number[]): BatchTensor => ({
  name,
  type: 'float32',
  size: values.length,
  shape: [values.length],
  data: Float32Array.from(values),
});

const slopeOf = (hazard: Hazard, values: readonly number[], subgoal: number) =>
  siteSlope({ tensor: 'x', hazard }, new Map([['x', tensor('x', values)]]), subgoal, false);

test.each<[string, Hazard, number, number, number]>([
  ['below a bound', { kind: 'below', bound: 0, unit: 1e-45 }, 3, 3, 1],
  ['above a bound', { kind: 'above', bound: 88, unit: 1e-5 }, 85, 3, -1],
  ['at a value, from above', { kind: 'at', bound: 1, unit: 1e-7 }, 2.5, 1.5, 1],
  ['at a value, from below', { kind: 'at', bound: 4, unit: 1e-7 }, 2, 2, -1],
])(
  '%s: the slope of the one value that the subgoal stands for, and its distance',
  (_, hazard, value, distance, sign) => {
    const slope = slopeOf(hazard, [9, value], 1);
    expect(slope?.distance).toBeCloseTo(distance, 6);
    expect([...(slope?.tensors.get('x') ?? [])]).toEqual([0, sign]);
  },
);

test('a strict bound is passed by one unit', () => {
  expect(slopeOf({ kind: 'below', bound: 0, unit: 0.5, strict: true }, [2], 0)?.distance).toBe(2.5);
});

test('a gap below the largest value: both values have a slope, in doublings', () => {
  const slope = slopeOf({ kind: 'gap', axis: -1, bound: 100, unit: 1e-5 }, [10, 4, 1], 2);
  expect(slope?.distance).toBe(LOG_MARGIN_AIM);
  const [largest, other, goal] = slope?.tensors.get('x') ?? [];
  expect(largest).toBeLessThan(0);
  expect(other).toBe(0);
  expect(goal).toBeGreaterThan(0);
});

test('a proxy has the slope as long as it is outside its own region', () => {
  const target = {
    tensor: 'y',
    hazard: { kind: 'below', bound: 0, unit: 1e-45 } as const,
    proxy: { tensor: 'x', hazard: { kind: 'below', bound: -103, unit: 1e-5 } as const },
  };
  const tensors = new Map([
    ['x', tensor('x', [-5])],
    ['y', tensor('y', [0.0067])],
  ]);
  const slope = siteSlope(target, tensors, 0, false);
  expect(slope?.tensors.get('x')?.[0]).toBeGreaterThan(0);
  expect(slope?.tensors.get('y')?.[0] ?? 0).toBe(0);
});
