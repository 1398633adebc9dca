import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { RadiusSearch } from '../../../src/coverage/index/radius-search.ts';
import { squaredDistance } from '../../../src/coverage/observation.ts';
import { observationsOf } from '../../support/observations.ts';

test('finds exactly the vectors within the radius, each once', () => {
  const rows = fc.array(fc.tuple(fc.integer({ min: -20, max: 20 }), fc.integer({ min: -20, max: 20 })), {
    minLength: 1,
    maxLength: 40,
  });
  fc.assert(
    fc.property(rows, fc.integer({ min: 0, max: 200 }), (points, radius) => {
      const observations = observationsOf(...points);
      const search = new RadiusSearch(observations, radius);
      points.forEach((point, vector) => {
        const found: number[] = [];
        search.forEachWithin(vector, (neighbour) => found.push(neighbour));
        const expected = points.flatMap((_, other) =>
          squaredDistance(observations.vectors, 2 * other, Float32Array.from(point)) <= radius ? [other] : [],
        );
        expect(found.sort((a, b) => a - b)).toEqual(expected);
      });
    }),
  );
});
