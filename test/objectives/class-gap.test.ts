import { describe, expect, test } from '@jest/globals';
import {
  areBounded,
  classGap,
  gapBounds,
  isStrong,
  isWithinNoise,
  smallerGap,
  strengthShare,
} from '../../src/objectives/class-gap.ts';

const gapOf = (a: readonly number[], b: readonly number[], top = 1) =>
  classGap(Float64Array.from(a), Float64Array.from(b), 0, a.length, top);

describe('the gap of two classes', () => {
  test('is what each side gives its class above the other side’s', () => {
    expect(gapOf([3, 1, 0], [1, 1.5, 0])).toEqual({ reference: 2, copy: 0.5 });
    expect(smallerGap({ reference: 2, copy: 0.5 })).toBe(0.5);
  });

  test('of shares is that of their logarithms', () => {
    const { reference, copy } = gapOf([0.8, 0.2], [0.25, 0.75]);
    expect(reference).toBeCloseTo(Math.log(4), 12);
    expect(copy).toBeCloseTo(Math.log(3), 12);
  });

  test('against several is that over the best of them, and that of the last of them', () => {
    // The copy's best two are 1 and 2; the reference says 0.
    expect(gapOf([5, 4, 1], [1, 4, 2], 2)).toEqual({ reference: 1, copy: 1 });
  });

  test('of equal values is 0, also of masked ones, and is finite against a masked class', () => {
    expect(gapOf([1, 1], [0, 1]).reference).toBe(0);
    const masked = gapOf([2, Number.NEGATIVE_INFINITY], [1, 2]);
    expect(masked).toEqual({ reference: Number.MAX_VALUE, copy: 1 });
  });

  test('at a position of several is that of the classes there', () => {
    const [a, b] = [Float64Array.of(9, 0, 1, 3), Float64Array.of(0, 9, 2, 1)];
    expect(classGap(a, b, 2, 2, 1)).toEqual({ reference: 2, copy: 1 });
  });
});

describe('bounds of a gap', () => {
  const rules = { confident: 0, tellsTies: true };
  const noisy = gapBounds(rules, { noise: 0.5 }, { noise: 0 });

  test('tell ties: a lead of either side within the noise of the noisier one, equality where there is none', () => {
    expect(isWithinNoise({ reference: 0.5, copy: 1 }, noisy)).toBe(true);
    expect(isWithinNoise({ reference: 1, copy: 0 }, noisy)).toBe(true);
    expect(isWithinNoise({ reference: 1, copy: 0.5 }, noisy)).toBe(true);
    expect(isWithinNoise({ reference: 0.51, copy: 0.51 }, noisy)).toBe(false);
    const still = gapBounds(rules, { noise: 0 }, { noise: 0 });
    expect(isWithinNoise({ reference: 1e-9, copy: 0 }, still)).toBe(true);
    expect(isWithinNoise({ reference: 1e-9, copy: 1e-9 }, still)).toBe(false);
  });

  test('tell none where noise was not measured, or where they are not asked to', () => {
    const gap = { reference: 0, copy: 0 };
    expect(isWithinNoise(gap, gapBounds(rules, {}, {}))).toBe(false);
    const unasked = gapBounds({ confident: 0, tellsTies: false }, { noise: 1 }, { noise: 1 });
    expect([isWithinNoise(gap, unasked), isStrong(gap, unasked), areBounded(unasked)]).toEqual([
      false,
      true,
      false,
    ]);
  });

  test('ask for a least gap on both sides', () => {
    const confident = gapBounds({ confident: 2, tellsTies: true }, { noise: 0.5 }, { noise: 0 });
    expect(isStrong({ reference: 2, copy: 2 }, confident)).toBe(true);
    expect(isStrong({ reference: 3, copy: 1.9 }, confident)).toBe(false);
    expect(areBounded(confident)).toBe(true);
  });

  test('say what share of them the weaker side has', () => {
    expect(strengthShare({ reference: 0.25, copy: 1 }, noisy)).toBe(0.5);
    expect(strengthShare({ reference: 9, copy: 0 }, noisy)).toBe(0);
    expect(strengthShare({ reference: 9, copy: 0.75 }, noisy)).toBe(1);
  });
});
