import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { setFeedback } from '../../../src/coverage/feedback/set-feedback.ts';
import { observationsOf } from '../../support/observations.ts';

const cover = (rows: readonly (readonly number[])[], reach = 0, max?: number) =>
  setFeedback.minimize(observationsOf(...rows), { reach, max, required: [], dependenciesOf: () => [] });

describe('novelty by a set', () => {
  test('is the number of elements that are not known, whatever their values', () => {
    const history = setFeedback.openHistory(4);
    expect(history.score(Float32Array.of(1, 0, 2, 0))).toBe(2);
    history.add(Float32Array.of(1, 0, 2, 0));
    expect(history.score(Float32Array.of(1, 0, 2, 0))).toBe(0);
    expect(history.score(Float32Array.of(0, 1, 3, 0))).toBe(2);
    expect(history.size).toBe(1);
  });

  test('of a mutant is judged by the history and by what the task accepted before, and not by its parent', () => {
    const history = setFeedback.openHistory(3);
    history.add(Float32Array.of(1, 0, 0));
    const filter = history.filter(0);
    const parent = Float32Array.of(0, 1, 0);
    const rows = Float32Array.of(1, 0, 0, 1, 1, 0, 0, Number.NaN, 0);
    expect([0, 1, 2].map((row) => filter.isNew(rows, row, parent))).toEqual([false, true, false]);
    filter.accept(Float32Array.of(1, 1, 0));
    expect(filter.isNew(rows, 1, parent)).toBe(false);
    expect(history.score(Float32Array.of(0, 1, 0))).toBe(1);
  });

  test('the neighbour of a mutant is the entry with the same elements', () => {
    const history = setFeedback.openHistory(3);
    history.add(Float32Array.of(1, 0, 2));
    history.add(Float32Array.of(0, 1, 2));
    const filter = history.filter(0);
    const rows = Float32Array.of(0, 1, 2, 1, 0, 2, 1, 1, 2, 2, 0, 1);
    expect([0, 1, 2, 3].map((row) => filter.neighbourOf?.(rows, row))).toEqual([1, 0, -1, -1]);
  });

  test('of n needs more than n new elements, and its unit is n + 1 of them', () => {
    const filter = setFeedback.openHistory(3).filter(1);
    const parent = new Float32Array(3);
    expect(filter.isNew(Float32Array.of(1, 0, 0), 0, parent)).toBe(false);
    expect(filter.isNew(Float32Array.of(1, 0, 1), 0, parent)).toBe(true);
    expect(setFeedback.unitsOf(4, 1)).toBe(2);
    expect(setFeedback.unitsOf(1, 0)).toBe(1);
  });
});

describe('the smallest cover of a set', () => {
  test('covers every element with few observations: the ones that add most, less those made needless', () => {
    expect(
      cover([
        [1, 1, 0, 0],
        [1, 1, 1, 1],
        [0, 0, 1, 1],
      ]),
    ).toEqual({ reach: 0, chosen: [1] });
    expect(
      cover([
        [1, 0],
        [2, 0],
        [2, 1],
      ]).chosen,
    ).toEqual([0, 2]);
    expect(
      cover([
        [0, 0],
        [0, 0],
      ]).chosen,
    ).toEqual([]);
  });

  test('holds what is required, and its dependencies', () => {
    const { chosen } = setFeedback.minimize(observationsOf([0, 0], [1, 0], [0, 0], [1, 1]), {
      reach: 0,
      required: [0],
      dependenciesOf: (index) => (index === 3 ? [2] : []),
    });
    expect(chosen).toEqual([0, 2, 3]);
  });

  test('leaves no more elements of an observation uncovered than its reach, which grows until --max suffices', () => {
    const bits = fc.array(fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 6, maxLength: 6 }), {
      minLength: 1,
      maxLength: 20,
    });
    fc.assert(
      fc.property(bits, fc.integer({ min: 1, max: 6 }), (rows, max) => {
        const { chosen, reach } = cover(rows, 0, max);
        expect(chosen.length).toBeLessThanOrEqual(max);
        const covered = new Set(chosen.flatMap((index) => rows[index].map((value, i) => `${i} ${value}`)));
        for (const row of rows)
          expect(
            row.filter((value, i) => value !== 0 && !covered.has(`${i} ${value}`)).length,
          ).toBeLessThanOrEqual(reach);
        if (reach > 0) expect(cover(rows, reach - 1).chosen.length).toBeGreaterThan(max);
      }),
    );
  });

  test('says how what was left out relates to it', () => {
    expect(setFeedback.describeReach(0)).toBe('has no element that the kept testcases lack');
    expect(setFeedback.describeReach(3)).toBe('covers at most 3 elements that the kept testcases lack');
  });
});
