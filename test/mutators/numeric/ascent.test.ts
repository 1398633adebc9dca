import { expect, test } from '@jest/globals';
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

test('without a slope it takes random steps', () => {
  const mutant = mutantOf('ascent', new Float64Array(SIZE), INPUT, [SIZE], 1);
  expect(mutant.some((value) => value !== 0)).toBe(true);
});
