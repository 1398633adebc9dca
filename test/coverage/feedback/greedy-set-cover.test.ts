import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { greedySetCover, type SetCoverProblem } from '../../../src/coverage/feedback/greedy-set-cover.ts';

const problemOf = (
  sets: readonly (readonly number[])[],
  options: Partial<SetCoverProblem> = {},
): SetCoverProblem => ({
  setCount: sets.length,
  elementCount: 12,
  forEachElement: (set, visit) => {
    for (const element of sets[set]) visit(element);
  },
  ...options,
});

const someSets = fc.array(fc.uniqueArray(fc.integer({ min: 0, max: 11 }), { maxLength: 6 }), {
  maxLength: 15,
});

const union = (sets: readonly (readonly number[])[], chosen: Iterable<number>): Set<number> =>
  new Set([...chosen].flatMap((set) => [...sets[set]]));

describe('a greedy cover', () => {
  test('covers every element, and needs each set that it chose', () => {
    fc.assert(
      fc.property(someSets, (sets) => {
        const chosen = greedySetCover(problemOf(sets));
        const elements = union(sets, sets.keys());
        expect(union(sets, chosen)).toEqual(elements);
        for (const set of chosen)
          expect(
            union(
              sets,
              chosen.filter((other) => other !== set),
            ).size,
          ).toBeLessThan(elements.size);
      }),
    );
  });

  test('holds required sets, and those that have to be chosen with others', () => {
    const sets = [[0], [1, 2, 3], [0], []];
    expect(greedySetCover(problemOf(sets, { required: [3] }))).toEqual([0, 1, 3]);
    const dependenciesOf = (set: number): number[] => (set === 1 ? [2] : []);
    expect(greedySetCover(problemOf(sets, { dependenciesOf }))).toEqual([1, 2]);
  });

  test('takes the larger set first, and drops one that the later ones make needless', () => {
    expect(
      greedySetCover(
        problemOf([
          [0, 1],
          [0, 1, 2, 3],
          [2, 3],
        ]),
      ),
    ).toEqual([1]);
    // The middle one is the largest; what it alone covered, the two that follow cover together.
    expect(
      greedySetCover(
        problemOf([
          [0, 1, 2],
          [1, 2, 3, 4],
          [3, 4, 5],
        ]),
      ),
    ).toEqual([0, 2]);
  });

  test('leaves sets out that have no more uncovered elements than are allowed', () => {
    fc.assert(
      fc.property(someSets, fc.integer({ min: 0, max: 4 }), (sets, maxUncovered) => {
        const covered = union(sets, greedySetCover(problemOf(sets, { maxUncovered })));
        for (const set of sets)
          expect(set.filter((element) => !covered.has(element)).length).toBeLessThanOrEqual(maxUncovered);
      }),
    );
    expect(greedySetCover(problemOf([[0], [1, 2], [3, 4, 5]], { maxUncovered: 1 }))).toEqual([1, 2]);
  });
});
