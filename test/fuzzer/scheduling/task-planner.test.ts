import { describe, expect, test } from '@jest/globals';
import { parameterValues } from '../../../src/extensions/parameters.ts';
import { Corpus } from '../../../src/fuzzer/corpus/corpus.ts';
import { MutatorScheduler } from '../../../src/fuzzer/scheduling/mutator-scheduler.ts';
import { TaskPlanner, type TaskPlannerOptions } from '../../../src/fuzzer/scheduling/task-planner.ts';
import {
  DIRECTED_STEPS,
  directedMutants,
  mutantsInTask,
  violationSearchMutants,
} from '../../../src/fuzzer/scheduling/task-sizes.ts';
import { DirectedSearch } from '../../../src/fuzzer/search/directed-search.ts';
import type { AscentAccount, SearchGoal } from '../../../src/fuzzer/search/search-goal.ts';
import { SeedAccounts } from '../../../src/fuzzer/seeds/seed-accounts.ts';
import { uniform } from '../../../src/schedulers/uniform.ts';
import { ARM, idOf, NO_LOADER, testcase } from '../../support/engine.ts';

const BATCH = 256;
const SITE_GOAL: SearchGoal = {
  site: 'Log',
  hazardTarget: { tensor: 'x', hazard: { kind: 'below', bound: 0, unit: 1 } },
};
const VIOLATION_GOAL: SearchGoal = { objective: 'differential', isTwoSided: false };
const PREDICTED_GOAL: SearchGoal = { ...VIOLATION_GOAL, predictsBeforeOutput: true };

/** A corpus of seeds, each its own ancestor. */
function seeds(count: number): Corpus {
  const corpus = new Corpus(NO_LOADER);
  for (let i = 0; i < count; i++) {
    const id = idOf(testcase(i));
    corpus.add(
      { id, parent: null, ancestor: id, generation: 0, outcome: 0, ancestorIndex: i, referenceIndex: i },
      testcase(i),
      Float32Array.of(i),
    );
  }
  return corpus;
}

function planner(
  goals: readonly SearchGoal[] = [],
  overrides: Partial<TaskPlannerOptions> = {},
): TaskPlanner {
  const mutatorScheduler = new MutatorScheduler(['x'], [[ARM]], true);
  return new TaskPlanner({
    corpus: seeds(10),
    scheduler: uniform.make(parameterValues()),
    mutatorScheduler,
    directed: goals.length === 0 ? undefined : { search: new DirectedSearch(goals), mutatorScheduler },
    arms: [[ARM]],
    masterSeed: 'planner',
    batch: BATCH,
    singleBatches: false,
    allowsOneGeometric: false,
    sizeChanges: [],
    isTiedToAncestor: false,
    ...overrides,
  });
}

describe('a task for coverage', () => {
  test('is every one where there are no goals, and has the size that its number gives', () => {
    const tasks = planner();
    for (const number of [1, 2, 500, 2000]) {
      expect(tasks.mutantsIn(number)).toBe(mutantsInTask(number, BATCH));
      expect(tasks.plan(number, 64).goal).toBeUndefined();
    }
  });

  test('has one pick for eight mutants, of entries that the scheduler picks', () => {
    const { parents, partners, stacks } = planner().plan(1, 60);
    expect(parents).toHaveLength(8);
    expect(parents.every((parent) => parent >= 0 && parent < 10)).toBe(true);
    expect(partners).toEqual(new Array(8).fill(-1));
    expect(stacks.length % 8).toBe(0);
  });

  test('is the same for an equal number and seed, and another otherwise', () => {
    const plan = (number: number, masterSeed = 'planner') => planner([], { masterSeed }).plan(number, 256);
    expect(plan(3)).toEqual(plan(3));
    expect(plan(3).parents).not.toEqual(plan(5).parents);
    expect(plan(3).parents).not.toEqual(plan(3, 'other').parents);
  });

  test('is picked within the guard of a scheduler that comes from a plug-in', () => {
    let guarded = 0;
    const scheduler = {
      pick: () => 4,
      guardPicks<T>(pick: () => T): T {
        guarded++;
        return pick();
      },
    };
    expect(planner([], { scheduler }).plan(1, 32).parents).toEqual([4, 4, 4, 4]);
    expect(guarded).toBe(1);
  });
});

describe('a directed task', () => {
  test('is every other one, and for a site a quarter of a batch in one step', () => {
    const tasks = planner([SITE_GOAL]);
    expect([tasks.mutantsIn(1), tasks.mutantsIn(2)]).toEqual([
      mutantsInTask(1, BATCH),
      directedMutants(BATCH),
    ]);
    expect(tasks.plan(1, 64).goal).toBeUndefined();
    const { goal, picksPerStep, parents } = tasks.plan(2, 64);
    expect(goal).toMatchObject({ goalIndex: 0 });
    expect(goal?.slots).toHaveLength(parents.length);
    expect(picksPerStep).toBeUndefined();
  });

  test('for a violation repeats its picks in eight steps', () => {
    const tasks = planner([VIOLATION_GOAL]);
    const mutants = tasks.mutantsIn(2);
    expect(mutants).toBe(violationSearchMutants(2, BATCH));
    const { picksPerStep = 0, parents, goal } = tasks.plan(2, mutants);
    expect(picksPerStep).toBe(parents.length / DIRECTED_STEPS);
    const firstStep = parents.slice(0, picksPerStep);
    for (let step = 0; step < DIRECTED_STEPS; step++)
      expect(parents.slice(step * picksPerStep, (step + 1) * picksPerStep)).toEqual(firstStep);
    expect(goal?.subgoals).toHaveLength(parents.length);
  });

  test('takes one step where one geometric transform is allowed: a step does not know the ones before it', () => {
    const tasks = planner([VIOLATION_GOAL], { allowsOneGeometric: true });
    expect(tasks.plan(2, tasks.mutantsIn(2)).picksPerStep).toBeUndefined();
  });

  test('is none once the last goal is reached', () => {
    const mutatorScheduler = new MutatorScheduler(['x'], [[ARM]], true);
    const search = new DirectedSearch([SITE_GOAL]);
    const tasks = planner([], { directed: { search, mutatorScheduler } });
    expect(tasks.plan(2, 64).goal).toBeDefined();
    search.recordFault('nonfinite-nan-Log');
    expect(tasks.plan(4, 64).goal).toBeUndefined();
  });
});

describe('where gradients are expected to lead to a goal', () => {
  const arms = [[ARM, { ...ARM, name: 'ascent', forGoals: true }]];
  /** A planner for a site after twenty tasks that stepped along its gradient and came no nearer. */
  const afterAscents = (outcome: Pick<AscentAccount, 'refusal'>): TaskPlanner => {
    const search = new DirectedSearch([SITE_GOAL]);
    const goal = { goalIndex: 0, subgoals: [0], slots: [0], marginsToBeat: [20], best: [20] };
    const ascent = { forwards: 8, gradients: 8, runs: 8, gradientSeconds: 0, seconds: 0, ...outcome };
    const progress = { subgoalCount: 1, improvements: [], smallestMargins: [20], ascent };
    for (let n = 0; n < 20; n++)
      search.apply(
        { ...goal, ascends: true },
        progress,
        () => 64,
        () => undefined,
      );
    const mutatorScheduler = new MutatorScheduler(['x'], [[ARM]], true);
    return planner([], { ascends: true, arms, directed: { search, mutatorScheduler } });
  };
  const goalTasksAmong = (tasks: TaskPlanner, from: number, to: number): number[] =>
    Array.from({ length: to - from + 1 }, (_, i) => from + i).filter(
      (number) => tasks.plan(number, tasks.mutantsIn(number)).goal !== undefined,
    );
  const ascending = (goal: SearchGoal): TaskPlanner => planner([goal], { ascends: true, arms });

  test('three tasks in four are directed, and the first one has two picks', () => {
    const tasks = ascending(VIOLATION_GOAL);
    const isDirected = [1, 2, 3, 4, 5, 6, 7, 8].map((number) => {
      return tasks.plan(number, tasks.mutantsIn(number)).goal !== undefined;
    });
    expect(isDirected).toEqual([false, true, true, true, false, true, true, true]);
    expect(tasks.mutantsIn(1)).toBe(16);
  });

  test('the first ones are small: one trajectory of three steps', () => {
    const tasks = ascending(VIOLATION_GOAL);
    expect(tasks.mutantsIn(2)).toBe(24);
    const plans = [2, 3, 4, 6, 7, 8].map((number) => tasks.plan(number, 24));
    expect(plans.map(({ picksPerStep }) => picksPerStep)).toEqual(new Array(6).fill(1));
    expect(plans.filter(({ goal }) => goal?.ascends === true).length).toBeGreaterThan(3);
    expect(tasks.mutantsIn(18)).toBe(violationSearchMutants(18, BATCH, true));
  });

  test('and lead to no site, it catches up: small tasks, three in four for goals, for the first 128', () => {
    const tasks = afterAscents({});
    expect(goalTasksAmong(tasks, 17, 24)).toEqual([18, 19, 20, 22, 23, 24]);
    expect([18, 128].map((number) => tasks.mutantsIn(number))).toEqual([24, 24]);
    expect(goalTasksAmong(tasks, 129, 136)).toEqual([130, 132, 134, 136]);
    expect(tasks.mutantsIn(130)).toBe(directedMutants(BATCH));
  });

  test('and there turns out to be none, nothing is left to catch up on', () => {
    const tasks = afterAscents({ refusal: 'no gradient through Det' });
    expect(goalTasksAmong(tasks, 17, 24)).toEqual([18, 20, 22, 24]);
    expect(tasks.mutantsIn(18)).toBe(directedMutants(BATCH));
  });

  test('an input without that mutator changes nothing', () => {
    const tasks = planner([VIOLATION_GOAL], { ascends: true });
    expect(tasks.plan(1, tasks.mutantsIn(1)).goal).toBeUndefined();
  });
});

test('where a run takes long a task is one batch, and looks ahead where margins can be predicted', () => {
  const tasks = planner([PREDICTED_GOAL], { singleBatches: true, batch: 8 });
  expect(tasks.mutantsIn(4)).toBe(8);
  expect(tasks.plan(4, 8).goal).toBeUndefined();
  expect(tasks.mutantsIn(1)).toBeGreaterThan(8);
  expect(tasks.plan(1, tasks.mutantsIn(1))).toMatchObject({ lookahead: true, goal: { goalIndex: 0 } });
  const without = planner([VIOLATION_GOAL], { singleBatches: true, batch: 8 });
  expect(without.mutantsIn(1)).toBe(8);
  expect(without.plan(1, 8).lookahead).toBeUndefined();
});

describe('sizes beyond those of the seeds', () => {
  const change = (size: number) => ({ dimension: 'x', places: [], lengthInputs: [], size });
  const resizing = (goals: readonly SearchGoal[] = []) =>
    planner(goals, { sizeChanges: [change(5), change(9)] });

  test('are those of one task in 16, in turn, and of no more than a sixteenth of the mutants', () => {
    const plans = resizing([SITE_GOAL]);
    const sizes: (number | undefined)[] = [];
    let resized = 0;
    let all = 0;
    for (let task = 1; task <= 2000; task++) {
      const mutants = plans.mutantsIn(task);
      const { sizeChange } = plans.plan(task, Math.min(mutants, 8));
      sizes.push(sizeChange?.size);
      all += mutants;
      if (sizeChange !== undefined) resized += mutants;
    }
    expect(sizes.slice(0, 34).flatMap((size, i) => (size === undefined ? [] : [[i + 1, size]]))).toEqual([
      [1, 5],
      [17, 9],
      [33, 5],
    ]);
    expect(resized / all).toBeLessThanOrEqual(1 / 16);
    expect(resized).toBeGreaterThan(0);
  });

  test('have no task of their own where each is one long run', () => {
    const plans = planner([], { sizeChanges: [change(5)], singleBatches: true });
    expect(plans.plan(1, 8).sizeChange).toBeUndefined();
  });
});

test('picks at a known entry of a site climb in part, each with a strength of its own or none', () => {
  const arms = [[ARM, { ...ARM, name: 'creep', forGoals: true }, { ...ARM, name: 'copy', forGoals: true }]];
  const mutatorScheduler = new MutatorScheduler(['x'], arms, true);
  const search = new DirectedSearch([SITE_GOAL]);
  const tasks = planner([], { arms, directed: { search, mutatorScheduler } });
  const unknown = tasks.plan(2, 64);
  expect(unknown.goal?.strengths).toBeUndefined();
  expect(unknown.stacks.every((arm) => arm <= 0)).toBe(true);
  const progress = {
    subgoalCount: 1,
    improvements: [{ candidate: 0, pick: 0, subgoal: 0, margin: 9 }],
    smallestMargins: [9],
  };
  if (unknown.goal === undefined) throw new Error('no goal');
  search.apply(
    unknown.goal,
    progress,
    () => 8,
    () => 3,
  );
  const { goal, stacks, parents } = tasks.plan(4, 4096);
  const strengths = goal?.strengths ?? [];
  expect(strengths).toHaveLength(parents.length);
  strengths.forEach((strength, pick) => {
    const arm = stacks[4 * pick];
    expect(arm).toBe(strength === null ? 0 : strength === 0 ? 2 : 1);
    if (strength !== null) expect(parents[pick]).toBe(3);
  });
  const climbing = strengths.flatMap((strength) => strength ?? []);
  expect(climbing.length).toBeGreaterThan(30);
  expect(climbing).toContain(0);
  expect(new Set(climbing).size).toBeGreaterThan(20);
});

describe('where all objectives break seeds', () => {
  const arms = [[ARM, { ...ARM, name: 'square', forGoals: true }]];

  /** A planner over ten seeds of which some are broken, at distance 0.5. */
  function seedPlanner(
    broken: readonly number[],
    perSeed: 'first' | 'least' = 'first',
    seesLabelsAlone = false,
  ) {
    const accounts = new SeedAccounts({
      objectives: ['differential'],
      isExclusive: true,
      perSeed,
      norm: 'linf',
      limits: {},
    });
    for (let seed = 0; seed < 10; seed++) accounts.addSeed(seed, `e${seed}`);
    for (const seed of broken)
      accounts.apply(
        { parents: [seed], mutants: 8 },
        [{ objective: 'differential', seed, query: 1, linf: 0.5, l2: 1, l0: 1 }],
        (entry) => entry,
      );
    const mutatorScheduler = new MutatorScheduler(['x'], arms, true);
    const goal = { ...VIOLATION_GOAL, isTwoSided: seesLabelsAlone };
    const search = new DirectedSearch([goal], accounts, seesLabelsAlone);
    return planner([], { arms, accounts, directed: { search, mutatorScheduler } });
  }

  test('three tasks in four are directed, from one unbroken seed after the other', () => {
    const tasks = seedPlanner([0, 2]);
    const plans = [1, 2, 3, 4, 5, 6].map((number) => tasks.plan(number, tasks.mutantsIn(number)));
    expect(plans.map(({ goal }) => goal?.seeds)).toEqual([
      undefined,
      [1, 3],
      [4, 5],
      [6, 7],
      undefined,
      [8, 9],
    ]);
    const [, { goal, stacks, parents, picksPerStep }] = plans;
    expect([parents.length, picksPerStep]).toEqual([2 * DIRECTED_STEPS, 2]);
    // It begins with stripes; most of the other picks are patches, whose share of the area is in the strength.
    expect(goal?.strengths?.slice(0, 2)).toEqual([1, 1]);
    const patches = (goal?.strengths ?? []).filter((strength) => strength !== null);
    expect(patches.length).toBeGreaterThan(8);
    expect(patches.slice(2).every((share) => share > 0 && share < 1)).toBe(true);
    stacks.forEach((arm, at) => {
      if (at % 4 === 0) expect(arm).toBe(goal?.strengths?.[at / 4] === null ? 0 : 1);
    });
  });

  test('where classes are all that is seen, tasks for coverage stay small', () => {
    const late = 4001;
    expect(seedPlanner([]).mutantsIn(late)).toBeGreaterThan(BATCH);
    expect(seedPlanner([], 'first', true).mutantsIn(late)).toBe(BATCH / 4);
  });

  test('coverage mutates unbroken seeds alone, and all once every seed is broken', () => {
    const { parents } = seedPlanner([0, 1, 2, 3, 4, 6, 7, 8, 9]).plan(1, 512);
    expect(new Set(parents)).toEqual(new Set([5]));
    const all = seedPlanner([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(new Set(all.plan(1, 4096).parents).size).toBe(10);
    expect(all.plan(3, 64).goal).toBeUndefined();
  });

  test('where the least distance is sought, mutants of broken seeds stay nearer than that', () => {
    const tasks = seedPlanner([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], 'least');
    const coverage = tasks.plan(1, 512);
    for (const radius of coverage.radii ?? []) {
      expect(radius).toBeGreaterThanOrEqual(0.35);
      expect(radius).toBeLessThan(0.5);
    }
    expect(coverage.radii).toHaveLength(coverage.parents.length);
    const directed = tasks.plan(2, 128);
    expect(directed.radii).toEqual(directed.parents.map(() => 0.4));
    expect(seedPlanner([], 'least').plan(1, 512).radii).toBeUndefined();
  });
});
