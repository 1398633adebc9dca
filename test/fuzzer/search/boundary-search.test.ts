import { describe, expect, test } from '@jest/globals';
import { randomStream } from '../../../src/core/random.ts';
import { BoundarySearch } from '../../../src/fuzzer/search/boundary-search.ts';
import type { EntryFacts, PickRequest } from '../../../src/fuzzer/search/plan-picks.ts';
import { type GoalAssignment, MAX_MARGIN } from '../../../src/fuzzer/search/search-goal.ts';
import { SeedAccounts } from '../../../src/fuzzer/seeds/seed-accounts.ts';
import { idOf, testcase } from '../../support/engine.ts';

/** Seeds at 0, 1, 2 and 10; the boundary of the two classes is at 1.5. */
const PLACES = [0, 1, 2, 10];
const entries: EntryFacts = {
  classOf: (entry) => Number(PLACES[entry] > 1.5),
  shapeKeyOf: () => 'x',
  dataOf: (entry) => testcase(PLACES[entry]),
};

function accountsOf(count = PLACES.length): SeedAccounts {
  const accounts = new SeedAccounts({
    objectives: ['quantization'],
    isExclusive: true,
    perSeed: 'first',
    norm: 'linf',
    limits: {},
  });
  for (let seed = 0; seed < count; seed++) accounts.addSeed(seed, idOf(testcase(PLACES[seed])));
  return accounts;
}

const request = (count: number, others: Partial<PickRequest> = {}): PickRequest => ({
  goalIndex: 0,
  count,
  corpus: { seeds: PLACES.length, count: PLACES.length },
  random: randomStream('boundary', 1),
  areCompatible: () => true,
  lookahead: false,
  suggestedStarts: [],
  entries,
  ...others,
});

function planned(search: BoundarySearch, count: number, others: Partial<PickRequest> = {}) {
  const plan = search.plan(request(count, others));
  if (plan === undefined) throw new Error('nothing is planned');
  return plan;
}

describe('a search along boundaries', () => {
  test('goes from each seed the whole way to the farthest one of another class', () => {
    const { parents, acrossBoundary, boundaryShares, assignment } = planned(
      new BoundarySearch('quantization', accountsOf()),
      4,
    );
    expect(parents).toEqual([0, 1, 2, 3]);
    expect(acrossBoundary).toEqual([3, 3, 0, 0]);
    expect(boundaryShares).toEqual([1, 1, 1, 1]);
    expect(assignment).toMatchObject({ seeds: [0, 1, 2, 3], classes: [0, 0, 1, 1], subgoals: [0, 1, 2, 3] });
  });

  test('has further rivals where there are more picks than seeds', () => {
    const { parents, acrossBoundary } = planned(new BoundarySearch('quantization', accountsOf()), 8);
    expect(parents).toEqual([0, 1, 2, 3, 0, 1, 2, 3]);
    expect(acrossBoundary).toEqual([3, 3, 0, 0, 2, 2, 1, 1]);
  });

  test('takes the farthest and the nearest rivals in turn', () => {
    const places = [0, 2, 3, 4, 5];
    const accounts = accountsOf(0);
    places.forEach((place, seed) => void accounts.addSeed(seed, idOf(testcase(place))));
    const { acrossBoundary } = planned(new BoundarySearch('quantization', accounts), 4, {
      hasQueries: (seed) => seed === 0,
      entries: {
        classOf: (entry) => Number(places[entry] > 1.5),
        shapeKeyOf: () => 'x',
        dataOf: (entry) => testcase(places[entry]),
      },
    });
    expect(acrossBoundary).toEqual([4, 1, 3, 2]);
  });

  test('narrows the way around the boundary, from the last mutant of the seed’s class', () => {
    const search = new BoundarySearch('quantization', accountsOf());
    const { assignment } = planned(search, 4);
    const improvements = [{ candidate: 5, pick: 0, subgoal: 0, margin: 6 }];
    const smallestMargins = [6, MAX_MARGIN, 1, 1];
    search.apply(assignment, { subgoalCount: 4, improvements, smallestMargins }, () => 7);
    const next = planned(search, 4);
    // All mutants of the last two had their seed's class: another rival is tried.
    expect(next.parents).toEqual([7, 1, 2, 3]);
    expect(next.boundaryShares).toEqual([0.25, 0.25, 1, 1]);
    expect(next.acrossBoundary).toEqual([3, 3, 1, 1]);
  });

  test('widens a way without the boundary, and gives up one that is told to the last bit', () => {
    const search = new BoundarySearch('quantization', accountsOf());
    const turn = (margin: number) => {
      const { assignment, boundaryShares = [] } = planned(search, 1, { hasQueries: (seed) => seed === 0 });
      search.apply(assignment, { subgoalCount: 1, improvements: [], smallestMargins: [margin] }, () => 9);
      return boundaryShares[0];
    };
    expect([turn(5), turn(1), turn(5)]).toEqual([1, 0.25, 1]);
    const shares = Array.from({ length: 14 }, () => turn(MAX_MARGIN));
    expect(shares.filter((share) => share === 1)).toHaveLength(1);
    expect(Math.min(...shares)).toBeGreaterThanOrEqual(2 ** -24);
  });

  test('an outcome that comes late changes no other bisection', () => {
    const search = new BoundarySearch('quantization', accountsOf());
    const only = { hasQueries: (seed: number) => seed === 0 };
    const apply = (assignment: GoalAssignment, margin: number) =>
      search.apply(assignment, { subgoalCount: 1, improvements: [], smallestMargins: [margin] }, () => 9);
    // Two picks for a seed are planned before the outcome of the first is known: they have different rivals.
    const [first, second] = [planned(search, 1, only), planned(search, 1, only)];
    expect([first.acrossBoundary, second.acrossBoundary]).toEqual([[3], [2]]);
    apply(first.assignment, 1);
    apply(first.assignment, 1);
    apply(second.assignment, 5);
    expect(planned(search, 1, only)).toMatchObject({ acrossBoundary: [2], boundaryShares: [0.25] });
  });

  test('leaves out seeds that are broken or have no queries left, and ends with them', () => {
    const accounts = accountsOf();
    const search = new BoundarySearch('quantization', accounts);
    expect(planned(search, 2, { hasQueries: (seed) => seed > 1 }).parents).toEqual([2, 3]);
    expect(search.plan(request(2, { hasQueries: () => false }))).toBeUndefined();
    expect(new BoundarySearch('quantization', accountsOf(2)).plan(request(2))).toBeUndefined();
  });

  test('goes on where it was saved', () => {
    const search = new BoundarySearch('quantization', accountsOf());
    const { assignment } = planned(search, 3);
    const improvements = [{ candidate: 0, pick: 0, subgoal: 0, margin: 3 }];
    search.apply(assignment, { subgoalCount: 3, improvements, smallestMargins: [3, 2, 1] }, () => 11);
    const restored = new BoundarySearch('quantization', accountsOf());
    restored.restore(JSON.parse(JSON.stringify(search.save())), true);
    expect(planned(restored, 4)).toEqual(planned(search, 4));
  });
});
