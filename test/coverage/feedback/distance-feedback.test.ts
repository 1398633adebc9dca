import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { distanceFeedback } from '../../../src/coverage/feedback/distance-feedback.ts';
import { type Observations, squaredDistance } from '../../../src/coverage/observation.ts';
import { observationsOf } from '../../support/observations.ts';

const cover = (
  observations: Observations,
  reach: number,
  options: { max?: number; required?: number[] } = {},
) => distanceFeedback.minimize(observations, { reach, required: [], dependenciesOf: () => [], ...options });

/** Whether each vector lies within reach of a chosen one, looked at one by one. */
function coversAll({ vectors, width }: Observations, reach: number, chosen: readonly number[]): boolean {
  for (let at = 0; at < vectors.length; at += width) {
    const isNear = chosen.some(
      (index) => squaredDistance(vectors, at, vectors.subarray(index * width, (index + 1) * width)) <= reach,
    );
    if (!isNear) return false;
  }
  return true;
}

describe('novelty by distance', () => {
  test('is the squared distance to the nearest observation, infinite while there is none', () => {
    const history = distanceFeedback.openHistory(2);
    expect(history.score(Float32Array.of(0, 0))).toBe(Number.POSITIVE_INFINITY);
    history.add(Float32Array.of(3, 4));
    history.add(Float32Array.of(6, 8));
    expect(history.score(Float32Array.of(0, 0))).toBe(25);
    expect(history.size).toBe(2);
    expect(distanceFeedback.unitsOf(25, 5)).toBe(5);
    expect(distanceFeedback.unitsOf(0, 0)).toBe(0);
  });

  test('of a mutant is judged by its parent, by the history and by what the task accepted before', () => {
    const history = distanceFeedback.openHistory(1);
    history.add(Float32Array.of(0));
    history.add(Float32Array.of(100));
    const filter = history.filter(4);
    const parent = Float32Array.of(0);
    const isNew = (value: number): boolean => filter.isNew(Float32Array.of(-1, value), 1, parent);
    // Within 2 of the parent, within 2 of another entry, and beyond both; the threshold itself is not new.
    expect([isNew(1), isNew(2), isNew(99), isNew(10), isNew(10.5)]).toEqual([
      false,
      false,
      false,
      true,
      true,
    ]);
    filter.accept(Float32Array.of(10));
    expect([isNew(10.5), isNew(12), isNew(12.5)]).toEqual([false, false, true]);
    expect([isNew(Number.NaN), isNew(Number.POSITIVE_INFINITY)]).toEqual([false, false]);
    // Another task of the same history knows nothing of it.
    expect(history.filter(4).isNew(Float32Array.of(10.5), 0, parent)).toBe(true);
  });

  test('is read row by row', () => {
    const filter = distanceFeedback.openHistory(2).filter(1);
    const rows = Float32Array.of(0, 0, 5, 5, Number.NaN, 0);
    expect([0, 1, 2].map((row) => filter.isNew(rows, row, Float32Array.of(0, 0)))).toEqual([
      false,
      true,
      false,
    ]);
  });
});

describe('the smallest cover by distance', () => {
  const points = (width: number) =>
    fc
      .array(fc.array(fc.integer({ min: -20, max: 20 }), { minLength: width, maxLength: width }), {
        minLength: 1,
        maxLength: 40,
      })
      .map((rows) => observationsOf(...rows));

  test('covers every observation, and needs each that it chose', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 3 }).chain(points),
        fc.integer({ min: 0, max: 200 }),
        (observations, reach) => {
          const { chosen } = cover(observations, reach);
          expect(coversAll(observations, reach, chosen)).toBe(true);
          for (const index of chosen)
            expect(
              coversAll(
                observations,
                reach,
                chosen.filter((other) => other !== index),
              ),
            ).toBe(false);
        },
      ),
    );
  });

  test('holds what is required, and its dependencies', () => {
    fc.assert(
      fc.property(points(2), fc.integer({ min: 0, max: 60 }), (observations, reach) => {
        const last = observations.vectors.length / 2 - 1;
        const { chosen } = distanceFeedback.minimize(observations, {
          reach,
          required: [last],
          dependenciesOf: () => [0],
        });
        expect(chosen).toEqual(expect.arrayContaining([0, last]));
        expect(coversAll(observations, reach, chosen)).toBe(true);
      }),
    );
  });

  test('takes the one in the middle rather than both ends, and nothing of nothing', () => {
    const three = observationsOf([0], [3], [6]);
    expect(cover(three, 9)).toEqual({ reach: 9, chosen: [1] });
    expect(cover(three, 8.9).chosen).toEqual([0, 1, 2]);
    expect(cover({ vectors: new Float32Array(0), width: 4 }, 1).chosen).toEqual([]);
  });

  test('has a reach that grows no further than --max needs, to one in a hundred', () => {
    const { reach, chosen } = cover(observationsOf([0], [3], [6], [100]), 1, { max: 2 });
    expect(chosen).toEqual([1, 3]);
    expect(reach).toBeGreaterThanOrEqual(9);
    expect(reach).toBeLessThan(9.1);
    expect(() => cover(observationsOf([0], [3]), 1, { max: 1, required: [0, 1] })).toThrow(
      '--max 1 is too few',
    );
  });

  test('says how what was left out relates to it', () => {
    expect(distanceFeedback.describeReach(0.123456)).toBe(
      'lies within 0.1235 (squared distance) of a kept testcase',
    );
  });
});
