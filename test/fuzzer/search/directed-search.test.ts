import { describe, expect, test } from '@jest/globals';
import { randomStream } from '../../../src/core/random.ts';
import { DirectedSearch } from '../../../src/fuzzer/search/directed-search.ts';
import { type GoalProgress, MAX_MARGIN, type SearchGoal } from '../../../src/fuzzer/search/search-goal.ts';
import { SeedAccounts } from '../../../src/fuzzer/seeds/seed-accounts.ts';
import { TWO_SIDED_MARGINS } from '../../../src/objectives/objective.ts';

const siteGoal = (site: string): SearchGoal => ({
  site,
  hazardTarget: { tensor: site, hazard: { kind: 'below', bound: 0, unit: 1 } },
});
const random = () => randomStream('search', 'test');
const ENTRIES = { count: 40, seeds: 10 };

/** Runs a task for the goal whose turn it is: one candidate of one pick. */
function step(search: DirectedSearch, margin: number, entry: number): number | undefined {
  const at = search.nextGoal();
  if (at === undefined) return undefined;
  const { assignment } = search.plan(at, 8, ENTRIES, random());
  const progress: GoalProgress = {
    subgoalCount: 1,
    improvements: [{ candidate: 0, pick: 0, subgoal: 0, margin }],
    smallestMargins: [margin],
  };
  search.apply(
    assignment,
    progress,
    () => 8,
    () => entry,
  );
  return at;
}

describe('goals', () => {
  test('take turns in order, every other turn goes to the closest, and those that were reached have none', () => {
    const search = new DirectedSearch([siteGoal('a'), siteGoal('b'), siteGoal('c')]);
    const turns = (): (number | undefined)[] => Array.from({ length: 6 }, (_, i) => step(search, 30 - i, i));
    // b comes first; then it is the nearest, until c and a have come nearer.
    expect(turns()).toEqual([1, 1, 2, 2, 0, 0]);
    search.recordFault('nonfinite-inf-a');
    expect(turns()).toEqual([1, 2, 2, 2, 1, 1]);
    search.recordFault('nonfinite-nan-b');
    search.recordFault('crash-c');
    expect(turns().every((at) => at === undefined)).toBe(true);
  });

  test('that have not improved for long get no extra turns', () => {
    const search = new DirectedSearch([siteGoal('a'), siteGoal('b')]);
    const margins = [20, 10];
    const count = (turns: number): number[] => {
      const seen = [0, 0];
      for (let n = 0; n < turns; n++) {
        const at = search.nextGoal() as number;
        seen[at]++;
        const { assignment } = search.plan(at, 8, ENTRIES, random());
        search.apply(
          assignment,
          { subgoalCount: 1, improvements: [], smallestMargins: [margins[at]] },
          () => 8,
          () => 0,
        );
      }
      return seen;
    };
    const [first, second] = count(100);
    expect(second).toBeGreaterThan(2 * first);
    count(200);
    expect(count(100)).toEqual([50, 50]);
  });

  test('are done once their margin is 0', () => {
    const search = new DirectedSearch([siteGoal('a')]);
    step(search, 0, 1);
    expect(search.nextGoal()).toBeUndefined();
    expect(search.nearestTargets.get('a')?.margin).toBe(0);
  });
});

describe('beam slots', () => {
  test('keep the closest entry, and only a smaller margin replaces it', () => {
    const search = new DirectedSearch([siteGoal('a')]);
    for (let n = 0; n < 6; n++) step(search, 20, 7);
    step(search, 10, 8);
    step(search, 15, 9);
    const { assignment, parents } = search.plan(0, 64, ENTRIES, random());
    expect(assignment.marginsToBeat.filter((margin) => margin === 10).length).toBeGreaterThan(20);
    assignment.marginsToBeat.forEach((margin, pick) => {
      if (margin === 10) expect(parents[pick]).toBe(8);
      if (margin === 20) expect(parents[pick]).toBe(7);
    });
    expect(search.nearestTargets.get('a')?.margin).toBe(10);
  });

  test('that are stale restart from other entries, all but the closest', () => {
    const search = new DirectedSearch([siteGoal('a')]);
    for (let n = 0; n < 6; n++) step(search, 20 - 2 * n, 7);
    for (let n = 0; n < 300; n++) step(search, 50, 7);
    const { assignment } = search.plan(0, 64, ENTRIES, random());
    expect(assignment.marginsToBeat).toContain(10);
    expect(assignment.marginsToBeat).toContain(MAX_MARGIN);
  });

  test('are restored from JSON, and restart where entries are missing', () => {
    const search = new DirectedSearch([siteGoal('a'), siteGoal('b')]);
    for (let n = 0; n < 20; n++) step(search, 30 - n, n);
    const again = new DirectedSearch([siteGoal('a'), siteGoal('b')]);
    again.restore(JSON.parse(JSON.stringify(search.save())), true);
    expect(again.save()).toEqual(search.save());
    expect(again.plan(0, 16, ENTRIES, random())).toEqual(search.plan(0, 16, ENTRIES, random()));
    // Without some of its entries the corpus has other indices.
    const broken = new DirectedSearch([siteGoal('a'), siteGoal('b')]);
    broken.restore(search.save(), false);
    expect(
      broken.plan(0, 16, ENTRIES, random()).assignment.marginsToBeat.every((margin) => margin === MAX_MARGIN),
    ).toBe(true);
    expect(broken.nearestTargets).toEqual(search.nearestTargets);
  });
});

describe('the goal of an objective with two sides', () => {
  const SIDED: SearchGoal = { objective: 'quantization', isTwoSided: true };
  /** A search in which class 2 loses at entry 5 and wins at entry 7. */
  const atBoundary = (): DirectedSearch => {
    const search = new DirectedSearch([SIDED]);
    const { assignment } = search.plan(search.nextGoal() as number, 8, ENTRIES, random());
    const improvements = [
      { candidate: 5, pick: 0, subgoal: 2, margin: 3 },
      { candidate: 7, pick: 1, subgoal: 2 + TWO_SIDED_MARGINS / 2, margin: 4 },
    ];
    const smallestMargins = Array.from({ length: TWO_SIDED_MARGINS }, (_, target) =>
      Math.min(
        MAX_MARGIN,
        ...improvements.filter(({ subgoal }) => subgoal === target).map(({ margin }) => margin),
      ),
    );
    search.apply(
      assignment,
      { subgoalCount: TWO_SIDED_MARGINS, improvements, smallestMargins },
      () => 8,
      (candidate) => candidate,
    );
    return search;
  };

  test('has picks with partners across the boundary, where the two may be mixed', () => {
    const pairs = (areCompatible: (a: number, b: number) => boolean): string[] => {
      const { parents, acrossBoundary } = atBoundary().plan(0, 64, ENTRIES, random(), { areCompatible });
      return [
        ...new Set(acrossBoundary.flatMap((partner, i) => (partner < 0 ? [] : [`${parents[i]}-${partner}`]))),
      ].sort();
    };
    const both = pairs(() => true);
    expect(both).toContain('5-7');
    expect(both.every((pair) => pair === '5-7' || pair === '7-5')).toBe(true);
    expect(pairs(() => false)).toEqual([]);
  });

  test('restarts after a violation, and is done when its signature has enough findings', () => {
    const search = atBoundary();
    const { assignment } = search.plan(0, 8, ENTRIES, random());
    const smallestMargins = Array.from({ length: TWO_SIDED_MARGINS }, (_, target) =>
      target === 2 ? 0 : MAX_MARGIN,
    );
    search.apply(
      assignment,
      { subgoalCount: TWO_SIDED_MARGINS, improvements: [], smallestMargins },
      () => 8,
      () => undefined,
    );
    expect(search.nextGoal()).toBe(0);
    expect(search.plan(0, 64, ENTRIES, random()).acrossBoundary.every((partner) => partner < 0)).toBe(true);
    search.recordSaturation('quantization-nan-y');
    search.recordSaturation('nonfinite-nan-y');
    // Beyond a tie a fault may lie.
    search.recordSaturation('quantization-tie-y');
    expect(search.nextGoal()).toBe(0);
    search.recordSaturation('quantization-class-y');
    expect(search.nextGoal()).toBeUndefined();
  });
});

describe('an objective with a signature for each margin', () => {
  const SIGNATURES = ['text-words-a', 'text-words-b', 'text-words-c'];
  const make = () =>
    new DirectedSearch([
      {
        objective: 'text-words',
        isTwoSided: false,
        marginSignatures: SIGNATURES,
        predictsBeforeOutput: true,
      },
    ]);

  /** Runs a task in which every pick reaches the margin given for its subgoal. */
  function runTask(search: DirectedSearch, margins: readonly number[], lookahead = true) {
    const at = search.nextGoal() as number;
    const { assignment } = search.plan(at, 64, ENTRIES, random(), { lookahead });
    const smallestMargins = margins.map((margin) => margin);
    const improvements = assignment.subgoals.map((target, pick) => ({
      candidate: pick,
      pick,
      subgoal: target,
      margin: margins[target],
    }));
    search.apply(
      assignment,
      {
        subgoalCount: SIGNATURES.length,
        improvements: improvements.filter(({ margin }) => margin > 0),
        smallestMargins,
      },
      () => 8,
      (candidate) => candidate,
    );
    return assignment;
  }

  test('has a subgoal for each from the beginning, and all have turns', () => {
    const { subgoals } = runTask(make(), [20, 20, 20]);
    expect(new Set(subgoals)).toEqual(new Set([0, 1, 2]));
  });

  test('closes subgoals with enough findings, and is done with the last', () => {
    const search = make();
    runTask(search, [20, 20, 20]);
    search.recordSaturation('text-words-b');
    expect(new Set(runTask(search, [20, 20, 20]).subgoals)).toEqual(new Set([0, 2]));
    for (const signature of SIGNATURES) search.recordSaturation(signature);
    expect(search.nextGoal()).toBeUndefined();
  });

  test('goes on toward a signature that was reached until it has enough findings', () => {
    const search = make();
    runTask(search, [5, 20, 20]);
    runTask(search, [0, 20, 20]);
    const assignment = runTask(search, [6, 20, 20], false);
    expect(new Set(assignment.subgoals)).toEqual(new Set([0]));
    expect(assignment.marginsToBeat.every((margin) => margin === 5)).toBe(true);
  });

  test('uses lookahead, and in turn evaluates what is close', () => {
    const search = make();
    expect([true, false].map((tries) => search.canLookAhead(tries))).toEqual([true, true]);
    runTask(search, [30, 12, 20]);
    expect([true, false].map((tries) => search.canLookAhead(tries))).toEqual([true, true]);
    runTask(search, [30, 9, 20]);
    expect([true, false].map((tries) => search.canLookAhead(tries))).toEqual([false, true]);
    expect(new Set(runTask(search, [30, 9, 20], false).subgoals)).toEqual(new Set([1]));
  });

  test('is restored with its closed subgoals', () => {
    const search = make();
    runTask(search, [20, 9, 20]);
    search.recordSaturation('text-words-b');
    const other = make();
    other.restore(JSON.parse(JSON.stringify(search.save())), true);
    expect(other.save()).toEqual(search.save());
    expect(new Set(runTask(other, [20, 20, 20]).subgoals)).toEqual(new Set([0, 2]));
  });
});

describe('where an objective breaks seeds', () => {
  const TIED: SearchGoal = { objective: 'differential', isTwoSided: true };
  const WRONG: SearchGoal = { objective: 'wrong', isTwoSided: false };

  function accountsOf(objective: string, perSeed: 'first' | 'least' = 'first') {
    const accounts = new SeedAccounts({
      objectives: [objective],
      isExclusive: true,
      perSeed,
      norm: 'linf',
      limits: {},
    });
    for (const seed of [0, 1, 2]) accounts.addSeed(seed, String(seed));
    const breakSeed = (seed: number): void =>
      accounts.apply(
        { parents: [seed], mutants: 8 },
        [{ objective, seed, query: 1, linf: 1, l2: 1, l0: 1 }],
        (entry) => entry,
      );
    return { accounts, breakSeed };
  }

  test('enough findings close it only once every seed is broken, and never where the least distance is sought', () => {
    const { accounts, breakSeed } = accountsOf('wrong');
    const search = new DirectedSearch([WRONG], accounts);
    search.recordSaturation('wrong-y');
    expect(search.nextGoal()).toBe(0);
    for (const seed of [0, 1, 2]) breakSeed(seed);
    search.recordSaturation('wrong-y');
    expect(search.nextGoal()).toBeUndefined();
    const least = accountsOf('wrong', 'least');
    const further = new DirectedSearch([WRONG], least.accounts);
    for (const seed of [0, 1, 2]) least.breakSeed(seed);
    further.recordSaturation('wrong-y');
    expect(further.nextGoal()).toBe(0);
  });

  test('beams of a boundary leave entries of broken seeds, and begin at those of others', () => {
    const { accounts, breakSeed } = accountsOf('differential');
    const search = new DirectedSearch([TIED], accounts);
    const ancestorOf = (entry: number): number => entry % 3;
    const plan = () => search.plan(0, 64, { count: 9, seeds: 3 }, random(), { ancestorOf });
    const { assignment } = plan();
    expect(assignment.seeds).toBeUndefined();
    const improvements = [{ candidate: 0, pick: 0, subgoal: 0, margin: 5 }];
    const progress = { subgoalCount: 1, improvements, smallestMargins: [5] };
    search.apply(
      assignment,
      progress,
      () => 8,
      () => 4,
    );
    expect(plan().parents.filter((parent) => parent === 4).length).toBeGreaterThan(16);
    breakSeed(1);
    expect(new Set(plan().parents.map(ancestorOf))).toEqual(new Set([0, 2]));
  });
});

test('a gradient that ends its process is computed for no goal any more, also after a checkpoint', () => {
  const goals = [siteGoal('a'), siteGoal('b')];
  const search = new DirectedSearch(goals);
  const { assignment } = search.plan(0, 8, ENTRIES, random(), { ascends: true });
  const ascent = { forwards: 0, gradients: 0, runs: 0, gradientSeconds: 0, seconds: 0, refusal: 'it died' };
  const apply = (progress: GoalProgress): void =>
    search.apply(
      assignment,
      progress,
      () => 8,
      () => undefined,
    );
  const none = { subgoalCount: 0, improvements: [], smallestMargins: [] };
  apply({ ...none, ascent });
  expect([search.ascentShare(0), search.ascentShare(1)]).toEqual([0, expect.closeTo(0.9)]);
  apply({ ...none, ascent: { ...ascent, isDeadly: true } });
  const resumed = new DirectedSearch(goals);
  resumed.restore(search.save(), true);
  for (const each of [search, resumed]) expect([each.ascentShare(0), each.ascentShare(1)]).toEqual([0, 0]);
});
