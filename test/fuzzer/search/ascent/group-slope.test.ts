import { describe, expect, test } from '@jest/globals';
import type { HazardTarget } from '../../../../src/analysis/numerical-sites/site.ts';
import { groupSlope } from '../../../../src/fuzzer/search/ascent/group-slope.ts';
import { siteSlope } from '../../../../src/fuzzer/search/ascent/site-slope.ts';
import type { BatchTensor } from '../../../../src/model/batched-model.ts';

function tensor(name: string, values: readonly number[], shape = [values.length]): BatchTensor {
  return { name, type: 'float32', size: values.length, shape, data: Float32Array.from(values) };
}

const below = { kind: 'below', bound: 0, unit: 1e-6 } as const;
const byName = (...tensors: readonly BatchTensor[]) => new Map(tensors.map((each) => [each.name, each]));

describe('a group of which every member must be in its unsafe region', () => {
  const target: HazardTarget = {
    tensor: 'count',
    hazard: { kind: 'at', bound: 0, unit: 1e-45 },
    proxy: { tensor: 'units', hazard: { kind: 'all', each: below } },
  };
  const tensors = byName(tensor('count', [2, 1]), tensor('units', [4, -1, 2, -3, 0.5, -2]));

  test('moves all members outside, the farthest most', () => {
    const slope = groupSlope(target, tensors, 0);
    expect([...(slope?.tensors.get('units') ?? [])]).toEqual([1, 0, 0.5, 0, 0, 0]);
    // The forecast is met where each member has moved to its bound: 4·1 + 2·0.5.
    expect(slope?.distance).toBe(5);
    expect([...(groupSlope(target, tensors, 1)?.tensors.get('units') ?? [])]).toEqual([0, 0, 0, 0, 1, 0]);
  });

  test('is what the slope of a site is made of', () => {
    expect(siteSlope(target, tensors, 0, false)).toEqual(groupSlope(target, tensors, 0));
  });

  test('has no slope where all members are inside', () => {
    expect(groupSlope(target, byName(tensor('count', [0]), tensor('units', [-1, -2])), 0)).toBeUndefined();
  });
});

test('the elements of a softmax that are masked where a value is above a bound', () => {
  const target: HazardTarget = {
    tensor: 'scores',
    hazard: { kind: 'masked', axis: -1 },
    proxy: { tensor: 'x', hazard: { kind: 'above', bound: 1, unit: 1e-6, strict: true } },
  };
  const masked = Number.NEGATIVE_INFINITY;
  const scores = tensor('scores', [0, masked, 0, 0], [2, 2]);
  const slope = groupSlope(target, byName(scores, tensor('x', [0, 5, 0.5, 0], [2, 2])), 1);
  expect([...(slope?.tensors.get('x') ?? [])].map((value) => value.toFixed(3))).toEqual([
    '0.000',
    '0.000',
    '-0.500',
    '-1.000',
  ]);
  expect(slope?.distance).toBeCloseTo(1.25, 4);
});

test('another hazard has no group', () => {
  const target: HazardTarget = { tensor: 'x', hazard: below, proxy: { tensor: 'y', hazard: below } };
  expect(groupSlope(target, byName(tensor('x', [1]), tensor('y', [1])), 0)).toBeUndefined();
});
