import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  above,
  at,
  behindFurtherAxes,
  below,
  type Hazard,
  limitsOf,
  marginOf,
} from '../../../src/analysis/numerical-sites/hazard.ts';
import type { HazardTarget } from '../../../src/analysis/numerical-sites/site.ts';
import { marginsOf } from '../../../src/analysis/numerical-sites/site-margins.ts';
import type { BatchTensor } from '../../../src/model/batched-model.ts';

const single = limitsOf('float32');
const number = fc.double({ noNaN: true, min: -1e30, max: 1e30 });

/** Whether a value is within a hazard, as its definition says. */
function isWithin(value: number, hazard: Hazard): boolean {
  switch (hazard.kind) {
    case 'below':
      return hazard.strict ? value < hazard.bound : value <= hazard.bound;
    case 'above':
      return hazard.strict ? value > hazard.bound : value >= hazard.bound;
    case 'at':
      return value === hazard.bound;
    default:
      throw new Error(hazard.kind);
  }
}

const hazards = fc
  .tuple(fc.constantFrom(below, above, at), fc.double({ noNaN: true, min: -1e4, max: 1e4 }), fc.boolean())
  .map(([make, bound, strict]): Hazard => make(bound, single, strict));

describe('the margin of a value', () => {
  test('is 0 exactly within the hazard, and finite and positive everywhere else', () => {
    fc.assert(
      fc.property(hazards, number, (hazard, value) => {
        const margin = marginOf(value, hazard);
        expect(margin === 0).toBe(isWithin(value, hazard));
        expect(margin).toBeGreaterThanOrEqual(0);
        expect(Number.isFinite(margin)).toBe(true);
      }),
    );
  });

  test('falls by one when the distance halves', () => {
    const log = below(0, single);
    expect(marginOf(1, log) - marginOf(0.5, log)).toBeCloseTo(1, 6);
    expect(marginOf(2 ** -140, log) - marginOf(2 ** -141, log)).toBeCloseTo(1, 2);
    expect(marginOf(2 ** -149, log)).toBe(1);
    const exp = above(Math.log(single.max), single);
    expect(marginOf(-1000, exp) - marginOf(-1000 + (1000 + 88.72284) / 2, exp)).toBeCloseTo(1, 3);
    expect(marginOf(88.7229, exp)).toBe(0);
  });

  test('toward large bounds falls by one when the value doubles', () => {
    const overflow = above(single.max, single, true);
    const negative = below(-single.max, single, true);
    expect(marginOf(1e10, overflow) - marginOf(2e10, overflow)).toBeCloseTo(1, 6);
    expect(marginOf(-1e30, negative) - marginOf(-2e30, negative)).toBeCloseTo(1, 6);
    expect(marginOf(single.max, overflow)).toBeGreaterThan(0);
  });

  test('of the tangent is to the nearest pole', () => {
    const pole: Hazard = { kind: 'pole', unit: single.epsilon };
    expect(marginOf(1.5, pole)).toBeLessThan(marginOf(1, pole));
    expect(marginOf(-1.5, pole)).toBe(marginOf(1.5, pole));
    expect(marginOf(Math.PI / 2, pole)).toBeLessThan(1e-6);
  });
});

describe('margins over a row', () => {
  const tensor = (name: string, shape: number[], ...data: number[]): BatchTensor => {
    const size = shape.reduce((all, one) => all * one, 1);
    return { name, type: 'float32', size, shape, data: Float32Array.from(data) };
  };
  const margins = (aim: HazardTarget, row: number, ...tensors: BatchTensor[]): number[] => [
    ...marginsOf(aim, new Map(tensors.map((one) => [one.name, one])), row),
  ];

  test('of a softmax are told by the gap of its logits along the axis, also where it has come to zero', () => {
    const aim: HazardTarget = {
      tensor: 'p',
      hazard: below(0, single),
      proxy: { tensor: 'z', hazard: { kind: 'gap', bound: 104, unit: 104 * 2 ** -23, axis: -1 } },
    };
    const p = tensor('p', [2, 2], 1, 1e-9, 1, 0.1, 1, 0, 0.5, 0.5);
    const z = tensor('z', [2, 2], 20, 0, 5, 3, 200, 0, 7, 7);
    const [, near, , far] = margins(aim, 0, p, z);
    expect(near).toBeLessThan(far);
    expect(near).toBeCloseTo(1 + Math.log2(1 + 84 / (104 * 2 ** -23)), 3);
    expect(margins(aim, 1, p, z)[1]).toBe(0);
  });

  test('of a mask are lower the fewer elements are open, and the nearer the next one is to being masked', () => {
    const aim: HazardTarget = {
      tensor: 'masked',
      hazard: { kind: 'masked', axis: -1 },
      proxy: { tensor: 'x', hazard: below(0, single) },
    };
    const infinity = Number.NEGATIVE_INFINITY;
    const of = (masked: number[], x: number[]): number =>
      margins(aim, 0, tensor('masked', [3], ...masked), tensor('x', [3], ...x))[0];
    const all = of([0, 0, 0], [1, 1, 1]);
    const closer = of([0, 0, 0], [1, 1, 1e-20]);
    const fewer = of([0, 0, infinity], [1, 1, -1]);
    const last = of([0, infinity, infinity], [1e-30, -1, -1]);
    expect([all, closer, fewer, last].map((margin, i, list) => i === 0 || margin < list[i - 1])).toEqual([
      true,
      true,
      true,
      true,
    ]);
    expect(of([infinity, infinity, infinity], [-1, -1, -1])).toBe(0);
  });

  test('of a norm are by group, 0 where all its values are the same', () => {
    const aim: HazardTarget = { tensor: 'x', hazard: { kind: 'flat', from: 1, groups: 2 } };
    const [first, second] = margins(aim, 0, tensor('x', [2, 3], 1, 2, 3, 5, 5, 5));
    expect(first).toBeGreaterThan(100);
    expect(second).toBe(0);
  });

  test('behind a saturated operation go on with what it was given', () => {
    const aim: HazardTarget = {
      tensor: 'p',
      hazard: below(0, single),
      proxy: { tensor: 'z', hazard: below(-104, single) },
    };
    const at = (p: number, z: number): number => margins(aim, 0, tensor('p', [1], p), tensor('z', [1], z))[0];
    expect(at(1, 50)).toBeLessThan(at(1, 90));
    expect(at(1e-40, -110)).toBe(1);
    expect(at(0, -20)).toBe(0);
  });

  test('of a body that did not run are none', () => {
    const flat: HazardTarget = { tensor: 'x', hazard: { kind: 'flat', from: 2 }, isInBody: true };
    expect([...margins(flat, 0, tensor('x', [0]))]).toEqual([]);
    const zero: HazardTarget = {
      tensor: 'x',
      hazard: below(0, single),
      proxy: { tensor: 'z', hazard: below(-104, single) },
      isInBody: true,
    };
    expect([...margins(zero, 0, tensor('x', [0]), tensor('z', [1], 5))]).toEqual([]);
  });
});

test('behind the axes of iterations a hazard counts its own from there, but for the last ones and the batch', () => {
  const masked = (axis: number): Hazard => ({ kind: 'masked', axis });
  expect([-1, 0, 1, 2].map((axis) => behindFurtherAxes(masked(axis), 2))).toEqual([-1, 0, 3, 4].map(masked));
  expect(behindFurtherAxes({ kind: 'flat', from: 1, groups: 4 }, 1)).toEqual({ kind: 'flat', from: 2 });
  expect(behindFurtherAxes({ kind: 'all', each: masked(1) }, 1)).toEqual({ kind: 'all', each: masked(2) });
  expect(behindFurtherAxes(below(0, single), 3)).toEqual(below(0, single));
});
