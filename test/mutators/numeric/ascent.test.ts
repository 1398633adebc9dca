import { describe, expect, test } from '@jest/globals';
import { boundsOf, mutantOf, traitsOf } from '../../support/mutators.ts';

const SIZE = 6;
const INPUT = traitsOf({ type: 'float64', size: SIZE, range: { low: -1, high: 1 } });
const DERIVATIVES = Float64Array.of(4, -2, 1, 0, 0.5, -0.25);

/** The mutant of zeros, or of another parent, that is number `index` of its pick. */
function ascend(index: number, distance: number, parent = new Float64Array(SIZE), key = 0): number[] {
  const slope = { derivatives: DERIVATIVES, distance };
  const bounds = boundsOf('float64', SIZE, INPUT);
  return Array.from(
    mutantOf('ascent', parent, INPUT, [SIZE], key, {}, { slope, bounds, mutantIndex: index }),
  );
}

const forecast = (mutant: readonly number[]): number =>
  mutant.reduce((sum, value, i) => sum - DERIVATIVES[i] * value, 0);

test('the first mutant is the least change whose linear forecast covers the distance', () => {
  const mutant = ascend(0, 3);
  expect(forecast(mutant)).toBeCloseTo(3, 6);
  // Against the slope, in proportion to it.
  mutant.forEach((value, i) => {
    expect(value).toBeCloseTo((mutant[0] * DERIVATIVES[i]) / DERIVATIVES[0], 6);
  });
});

test('values that reach the end of what is legal stay there, and the others go on', () => {
  const mutant = ascend(0, 7);
  expect(mutant[0]).toBe(-1);
  expect(forecast(mutant)).toBeCloseTo(7, 6);
  expect(Math.max(...mutant.map(Math.abs))).toBeLessThanOrEqual(1);
});

test('a distance that nothing legal covers leads to the ends', () => {
  expect(ascend(0, 100)).toEqual([-1, 1, -1, 0, -1, 1]);
});

test.each([4, 5])('mutant %d moves all values by one step against the signs', (index) => {
  const mutant = ascend(index, 1);
  const steps = new Set(
    mutant.filter((_, i) => DERIVATIVES[i] !== 0).map((value) => Math.abs(value).toFixed(9)),
  );
  expect(steps.size).toBe(1);
  mutant.forEach((value, i) => {
    expect(Math.sign(value)).toBe(-Math.sign(DERIVATIVES[i]) + 0);
  });
});

test('one mutant moves a few of the steepest values to the ends', () => {
  const counts = new Set<number>();
  for (let key = 0; key < 40; key++) {
    const mutant = ascend(7, 1, new Float64Array(SIZE), key);
    const moved = mutant.flatMap((value, i) => (value === 0 ? [] : [i]));
    expect(moved[0]).toBe(0);
    for (const i of moved) expect(Math.abs(mutant[i])).toBe(1);
    counts.add(moved.length);
  }
  expect(counts.size).toBeGreaterThan(2);
});

describe('beside a tie of two classes', () => {
  const LEAD = -0.2;
  const SPREAD = 0.01;

  /** Where the linear forecast of a mutant's distance ends. */
  function endOf(index: number, distance: number, key = 0, limits = {}): number {
    const slope = { derivatives: DERIVATIVES, distance, beyond: { lead: LEAD, spread: SPREAD } };
    const bounds = boundsOf('float64', SIZE, INPUT);
    const mutant = mutantOf(
      'ascent',
      new Float64Array(SIZE),
      INPUT,
      [SIZE],
      key,
      {},
      {
        slope,
        bounds,
        limits,
        mutantIndex: index,
      },
    );
    if ('l0' in limits) expect(mutant.filter((value) => value !== 0).length).toBeLessThanOrEqual(2);
    return distance - forecast(Array.from(mutant));
  }

  test('the first mutant should end where the gaps of both models lie on either side of it alike', () => {
    expect(endOf(0, 3)).toBeCloseTo(-LEAD / 2, 5);
    expect(endOf(0, 0.01)).toBeCloseTo(-LEAD / 2, 5);
  });

  test.each([2, 4, 6])('mutant %d ends between the ties of the two models', (index) => {
    const ends = Array.from({ length: 30 }, (_, key) => endOf(index, 3, key));
    expect(Math.min(...ends)).toBeGreaterThan(-1e-5);
    expect(Math.max(...ends)).toBeLessThan(-LEAD + 1e-5);
    expect(Math.max(...ends) - Math.min(...ends)).toBeGreaterThan(0.1);
  });

  test.each([1, 3, 5, 7])('mutant %d ends on either side of the tie, near it', (index) => {
    const ends = Array.from({ length: 30 }, (_, key) => endOf(index, 3, key));
    expect(Math.max(...ends.map(Math.abs))).toBeLessThan(SPREAD + 1e-5);
    expect(Math.min(...ends)).toBeLessThan(-1e-5);
    expect(Math.max(...ends)).toBeGreaterThan(1e-5);
  });

  test('no more values move than L0 allows', () => {
    for (let index = 0; index < 8; index++)
      expect(Math.abs(endOf(index, 3, index, { l0: 2 }))).toBeLessThan(0.3);
  });
});

describe('steps in the norm that limits mutants', () => {
  function ascendWithin(limits: { l0?: number; l2?: number }, index: number, key: number): number[] {
    const slope = { derivatives: DERIVATIVES, distance: 1 };
    const bounds = boundsOf('float64', SIZE, INPUT);
    const context = { slope, bounds, limits, mutantIndex: index };
    return Array.from(mutantOf('ascent', new Float64Array(SIZE), INPUT, [SIZE], key, {}, context));
  }

  test('L0: all eight move as few values as that, the steepest', () => {
    for (let index = 0; index < 8; index++)
      for (let key = 0; key < 10; key++) {
        const moved = ascendWithin({ l0: 2 }, index, key).flatMap((value, i) => (value === 0 ? [] : [i]));
        expect([[0], [0, 1]]).toContainEqual(moved);
      }
  });

  test.each([4, 5, 6])('L2: mutant %d is a step along the gradient, at most as long as that', (index) => {
    for (let key = 0; key < 10; key++) {
      const mutant = ascendWithin({ l2: 0.5 }, index, key);
      expect(Math.hypot(...mutant)).toBeLessThanOrEqual(0.5);
      mutant.forEach((value, i) => {
        expect(value).toBeCloseTo((mutant[0] * DERIVATIVES[i]) / DERIVATIVES[0], 6);
      });
    }
  });
});

test('without a slope it takes random steps', () => {
  const mutant = mutantOf('ascent', new Float64Array(SIZE), INPUT, [SIZE], 1);
  expect(mutant.some((value) => value !== 0)).toBe(true);
});
