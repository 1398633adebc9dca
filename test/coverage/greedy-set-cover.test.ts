import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { greedySetCover } from '../../src/coverage/greedy-set-cover.ts';
import { squaredDistance } from '../../src/coverage/index/neighbour-index.ts';

const points = (width: number) =>
  fc
    .array(fc.array(fc.integer({ min: -20, max: 20 }), { minLength: width, maxLength: width }), {
      minLength: 1,
      maxLength: 40,
    })
    .map((rows) => Float32Array.from(rows.flat()));

/** Whether each vector lies within reach of one of the chosen, looked at one by one. */
function coversAll(vectors: Float32Array, width: number, reach: number, chosen: readonly number[]): boolean {
  for (let at = 0; at < vectors.length; at += width) {
    const near = chosen.some(
      (one) => squaredDistance(vectors, at, vectors.subarray(one * width, (one + 1) * width)) <= reach,
    );
    if (!near) return false;
  }
  return true;
}

describe('a cover', () => {
  test('covers every vector, and needs each of those that it chose', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 3 }).chain((width) => fc.tuple(fc.constant(width), points(width))),
        fc.integer({ min: 0, max: 200 }),
        ([width, vectors], reach) => {
          const chosen = greedySetCover({ vectors, width, radius: reach });
          expect(coversAll(vectors, width, reach, chosen)).toBe(true);
          for (const one of chosen)
            expect(
              coversAll(
                vectors,
                width,
                reach,
                chosen.filter((other) => other !== one),
              ),
            ).toBe(false);
        },
      ),
    );
  });

  test('holds what is required, and what has to be chosen with others', () => {
    fc.assert(
      fc.property(points(2), fc.integer({ min: 0, max: 60 }), (vectors, reach) => {
        const count = vectors.length / 2;
        const chosen = new Set(
          greedySetCover({
            vectors,
            width: 2,
            radius: reach,
            required: [count - 1],
            dependenciesOf: () => [0],
          }),
        );
        expect(chosen.has(count - 1)).toBe(true);
        expect(chosen.has(0)).toBe(true);
        expect(coversAll(vectors, 2, reach, [...chosen])).toBe(true);
      }),
    );
  });

  test('takes the one in the middle rather than both ends', () => {
    expect(greedySetCover({ vectors: Float32Array.of(0, 3, 6), width: 1, radius: 9 })).toEqual([1]);
    expect(greedySetCover({ vectors: Float32Array.of(0, 3, 6), width: 1, radius: 8.9 })).toEqual([0, 1, 2]);
  });

  test('of nothing is nothing', () => {
    expect(greedySetCover({ vectors: new Float32Array(0), width: 4, radius: 1 })).toEqual([]);
  });
});
