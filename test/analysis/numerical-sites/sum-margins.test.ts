import { describe, expect, test } from '@jest/globals';
import {
  behindFurtherAxes,
  regionText,
  type SumHazard,
  type SumTerm,
} from '../../../src/analysis/numerical-sites/hazard.ts';
import { marginsOf } from '../../../src/analysis/numerical-sites/site-margins.ts';

const hazard = (term: SumTerm, over: SumHazard['over'], bound = 100): SumHazard => ({
  kind: 'sum',
  term,
  over,
  bound,
  unit: 1,
});

/** Margins of a row of the shape `[2, 3]`, rounded. */
function margins(of: SumHazard, ...values: number[]): number[] {
  const tensor = {
    name: 'x',
    type: 'float32',
    size: 6,
    shape: [2, 3],
    data: Float32Array.from(values),
  } as const;
  const found = marginsOf({ tensor: 'x', hazard: of }, new Map([['x', tensor]]), 0);
  return Array.from(found, (margin) => Number(margin.toFixed(3)));
}

const halvings = (distance: number, value: number): number =>
  Number((Math.log2(1 + distance) + Math.log2(100 / Math.max(1, value))).toFixed(3));

describe('margins of sums', () => {
  test('are one for each group, along axes that count the batch or from the end', () => {
    const rows = [halvings(94, 6), halvings(85, 15)];
    expect(margins(hazard('value', { axes: [2] }), 1, 2, 3, 4, 5, 6)).toEqual(rows);
    expect(margins(hazard('value', { axes: [-1] }), 1, 2, 3, 4, 5, 6)).toEqual(rows);
    expect(margins(hazard('value', { axes: [1] }), 1, 2, 3, 4, 5, 6)).toEqual(
      [5, 7, 9].map((sum) => halvings(100 - sum, sum)),
    );
    expect(margins(hazard('value', { axes: [0, 1, 2] }), 1, 2, 3, 4, 5, 6)).toEqual([halvings(79, 21)]);
    expect(margins(hazard('value', { from: 1 }), 1, 2, 3, 4, 5, 6)).toEqual([halvings(79, 21)]);
  });

  test('are 0 where a partial sum overflows, although what comes of it is small, of either sign', () => {
    expect(margins(hazard('value', { axes: [2] }), 60, 60, -120, -60, -60, 120)).toEqual([0, 0]);
    expect(margins(hazard('value', { axes: [2] }), 60, -60, 60, 0, 0, 0)[0]).toBe(halvings(40, 60));
  });

  test.each<[SumTerm, readonly [number, number]]>([
    ['magnitude', [6, 12]],
    ['square', [14, 56]],
    // Of 1, −2, 3 the mean is 2/3; of 2, −4, 6 it is 4/3.
    ['deviation', [38 / 3, 152 / 3]],
    ['exponential', [1 + Math.exp(-2) + Math.exp(-5), 1 + Math.exp(-4) + Math.exp(-10)]],
  ])('of %s count its terms', (term, sums) => {
    expect(margins(hazard(term, { axes: [2] }), 1, -2, 3, 2, -4, 6)).toEqual(
      sums.map((sum) => halvings(100 - sum, sum)),
    );
  });

  test('of a NaN are infinite, and of an infinity 0', () => {
    expect(margins(hazard('value', { axes: [2] }), 1, Number.NaN, 1, Number.POSITIVE_INFINITY, 1, 1)).toEqual(
      [Number.POSITIVE_INFINITY, 0],
    );
  });
});

test('the region says what is added up', () => {
  expect(regionText('x', hazard('value', { axes: [1] }))).toBe('|Σ x| ≥ 100');
  expect(regionText('x', hazard('deviation', { from: 1 }))).toBe('|Σ (x − mean)²| ≥ 100');
});

test('axes move with those that bodies add behind the batch', () => {
  expect(behindFurtherAxes(hazard('value', { axes: [1, -1] }), 2)).toMatchObject({ over: { axes: [3, -1] } });
  expect(behindFurtherAxes(hazard('value', { from: 1 }), 2)).toMatchObject({ over: { from: 3 } });
});
