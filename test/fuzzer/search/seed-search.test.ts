import { describe, expect, test } from '@jest/globals';
import { randomStream } from '../../../src/core/random.ts';
import { MAX_MARGIN } from '../../../src/fuzzer/search/search-goal.ts';
import { SeedSearch } from '../../../src/fuzzer/search/seed-search.ts';
import { type PerSeed, SeedAccounts } from '../../../src/fuzzer/seeds/seed-accounts.ts';
import { taskOf } from '../../support/tasks.ts';

const REQUEST = {
  goalIndex: 0,
  corpus: { count: 40, seeds: 4 },
  random: randomStream('unused'),
  areCompatible: () => true,
  lookahead: false,
  suggestedStarts: [],
};

function searchOf(perSeed: PerSeed = 'first', seeds = [0, 1, 2, 3]) {
  const accounts = new SeedAccounts({
    objectives: ['wrong'],
    isExclusive: true,
    perSeed,
    norm: 'linf',
    limits: { linf: 1 },
  });
  for (const seed of seeds) accounts.addSeed(seed, String(seed));
  const search = new SeedSearch('wrong', accounts);
  const breakSeed = (seed: number, linf = 1): void =>
    accounts.apply(
      taskOf([seed]),
      [{ objective: 'wrong', seed, query: 1, linf, l2: 1, l0: 1 }],
      (entry) => entry,
    );
  const plan = (count: number) => search.plan({ ...REQUEST, count });
  /** Runs a task of one pick whose best mutant has a margin, 64 mutants long. */
  const step = (margin = MAX_MARGIN, entry = 30) => {
    const planned = plan(1);
    if (planned === undefined) return undefined;
    const improvements =
      margin < planned.assignment.marginsToBeat[0] ? [{ candidate: 0, pick: 0, subgoal: 0, margin }] : [];
    search.apply(
      planned.assignment,
      { subgoalCount: 1, improvements, smallestMargins: [margin] },
      () => 64,
      () => entry,
      planned.radii,
    );
    return planned;
  };
  return { search, accounts, breakSeed, plan, step };
}

describe('unbroken seeds', () => {
  test('have turns, as many at once as picks are asked for', () => {
    const { plan } = searchOf();
    expect(plan(2)?.assignment.seeds).toEqual([0, 1]);
    expect(plan(3)?.assignment.seeds).toEqual([2, 3, 0]);
  });

  test('alone have turns; without one there is nothing to search for', () => {
    const { plan, breakSeed } = searchOf();
    breakSeed(0);
    breakSeed(2);
    expect(plan(4)?.assignment.seeds).toEqual([1, 3, 1, 3]);
    breakSeed(1);
    breakSeed(3);
    expect(plan(2)).toBeUndefined();
  });

  test('are gone on with from the mutant that came nearest, until it leads nowhere', () => {
    const { step } = searchOf('first', [0]);
    expect(step(20)).toMatchObject({
      parents: [0],
      seedQueries: [0],
      assignment: { marginsToBeat: [MAX_MARGIN] },
    });
    expect(step(25)).toMatchObject({ parents: [30], seedQueries: [64], assignment: { marginsToBeat: [20] } });
    expect(step(10, 31)).toMatchObject({ parents: [30], seedQueries: [128] });
    for (let n = 0; n < 17; n++) expect(step()).toMatchObject({ parents: [31] });
    expect(step()).toMatchObject({
      parents: [0],
      seedQueries: [0],
      assignment: { marginsToBeat: [MAX_MARGIN] },
    });
  });

  test('a seed that was broken meanwhile admits nothing', () => {
    const { search, plan, breakSeed } = searchOf();
    const planned = plan(1);
    breakSeed(0);
    const improvements = [{ candidate: 0, pick: 0, subgoal: 0, margin: 1 }];
    search.apply(
      planned?.assignment ?? (undefined as never),
      { subgoalCount: 1, improvements, smallestMargins: [1] },
      () => 64,
      () => {
        throw new Error('it was admitted');
      },
    );
    expect(search.save().slots).toEqual([]);
  });
});

describe('where the least distance is sought', () => {
  test('broken seeds are searched in smaller balls, every third turn as long as others are unbroken', () => {
    const { plan, breakSeed } = searchOf('least');
    breakSeed(0);
    expect([1, 2, 3, 4].map(() => plan(1)?.assignment.seeds?.[0])).toEqual([1, 2, 0, 3]);
    for (const seed of [1, 2, 3]) breakSeed(seed, 0.5);
    expect(plan(4)?.assignment.seeds).toEqual([1, 2, 3, 0]);
    expect(plan(4)?.radii).toEqual([0.4, 0.4, 0.4, 0.8]);
  });

  test('the ball shrinks with the distance, grows where nothing is found, and then the distance counts as least', () => {
    const { step, breakSeed } = searchOf('least', [0]);
    breakSeed(0);
    expect(step()?.radii).toEqual([0.8]);
    breakSeed(0, 0.8);
    expect(step()?.radii?.[0]).toBeCloseTo(0.64);
    const radii: number[] = [];
    for (let planned = step(); planned !== undefined; planned = step()) radii.push(planned.radii?.[0] ?? 0);
    expect([...new Set(radii.map((radius) => radius.toFixed(2)))]).toEqual(['0.64', '0.72', '0.76']);
    breakSeed(0, 0.7);
    expect(step()?.radii?.[0]).toBeCloseTo(0.56);
  });

  test('a margin in another ball is not taken over', () => {
    const { search, plan, breakSeed } = searchOf('least', [0]);
    const planned = plan(1);
    breakSeed(0);
    const improvements = [{ candidate: 0, pick: 0, subgoal: 0, margin: 1 }];
    const progress = { subgoalCount: 1, improvements, smallestMargins: [1] };
    search.apply(
      planned?.assignment ?? (undefined as never),
      progress,
      () => 64,
      () => 30,
      planned?.radii,
    );
    expect(plan(1)).toMatchObject({ parents: [30], assignment: { marginsToBeat: [MAX_MARGIN] } });
  });
});

test('a checkpoint has all of it, as JSON', () => {
  const original = searchOf('least');
  original.step(20);
  original.breakSeed(1);
  original.step(15);
  const { search, breakSeed, plan } = searchOf('least');
  breakSeed(1);
  search.restore(JSON.parse(JSON.stringify(original.search.save())), true);
  expect(search.save()).toEqual(original.search.save());
  expect(plan(3)).toEqual(original.plan(3));
});
