import { describe, expect, test } from '@jest/globals';
import { GoalState, isClose } from '../../../src/fuzzer/search/goal-state.ts';
import {
  type GoalAssignment,
  type GoalProgress,
  MAX_MARGIN,
  type SearchGoal,
} from '../../../src/fuzzer/search/search-goal.ts';

const SITE: SearchGoal = {
  site: 'log',
  hazardTarget: { tensor: 'x', hazard: { kind: 'below', bound: 0, unit: 1 } },
};

/** Two picks, both for slot 0 of subgoal 0. */
const assignment = (best: readonly number[] = [MAX_MARGIN, MAX_MARGIN]): GoalAssignment => ({
  goalIndex: 0,
  subgoals: [0, 0],
  slots: [0, 0],
  marginsToBeat: [MAX_MARGIN, MAX_MARGIN],
  best,
});

const progress = (fields: Partial<GoalProgress>): GoalProgress => ({
  subgoalCount: 2,
  improvements: [],
  smallestMargins: [MAX_MARGIN, MAX_MARGIN],
  ...fields,
});

const never = (): undefined => undefined;

describe('applying progress', () => {
  test('a goal learns from its first task how many subgoals it has', () => {
    const state = new GoalState(SITE);
    expect(state.subgoals).toEqual([]);
    state.apply(assignment([]), progress({}), () => 8, never);
    expect(state.subgoals.length).toBe(2);
  });

  test('progress with another number of subgoals changes nothing', () => {
    const state = new GoalState(SITE);
    state.apply(assignment([]), progress({ smallestMargins: [9, 9] }), () => 8, never);
    const before = state.save();
    state.apply(
      assignment(),
      { subgoalCount: 3, improvements: [], smallestMargins: [1, 1, 1] },
      () => 8,
      never,
    );
    expect(state.save()).toEqual(before);
  });

  test('the smallest margin is admitted first, and larger ones for the same slot are not admitted', () => {
    const state = new GoalState(SITE);
    const admitted: number[] = [];
    const improvements = [
      { candidate: 0, pick: 0, subgoal: 0, margin: 12 },
      { candidate: 1, pick: 1, subgoal: 0, margin: 5 },
    ];
    state.apply(
      assignment(),
      progress({ improvements }),
      () => 8,
      (candidate) => {
        admitted.push(candidate);
        return 100 + candidate;
      },
    );
    expect(admitted).toEqual([1]);
    expect(state.subgoals[0].slots[0]).toEqual({ entry: 101, margin: 5, tries: 0 });
  });

  test('an improvement of another subgoal than its pick was for replaces the farthest slot there', () => {
    const state = new GoalState(SITE);
    const improvements = [{ candidate: 3, pick: 0, subgoal: 1, margin: 6 }];
    for (const entry of [11, 12])
      state.apply(
        assignment(),
        progress({ improvements }),
        () => 8,
        () => entry,
      );
    expect(state.subgoals[1].slots.map(({ entry }) => entry)).toEqual([11, 12, -1]);
  });

  test('a candidate that is not admitted leaves its slot as it is', () => {
    const state = new GoalState(SITE);
    const improvements = [{ candidate: 0, pick: 0, subgoal: 0, margin: 5 }];
    state.apply(assignment(), progress({ improvements }), () => 8, never);
    // Two picks of eight mutants each were for this slot.
    expect(state.subgoals[0].slots[0]).toEqual({ entry: -1, margin: MAX_MARGIN, tries: 16 });
  });

  test('idle tasks are counted from the last smaller margin', () => {
    const state = new GoalState(SITE);
    for (const margin of [9, 9, 9, 8]) {
      state.apply(assignment(), progress({ smallestMargins: [margin, MAX_MARGIN] }), () => 8, never);
      if (margin === 9) expect(state.closestOpenMargin).toBe(9);
    }
    expect(state.idleTasks).toBe(0);
    state.apply(assignment(), progress({ smallestMargins: [8, 9] }), () => 8, never);
    state.apply(assignment(), progress({ smallestMargins: [8, 9] }), () => 8, never);
    expect(state.idleTasks).toBe(1);
  });
});

test('a subgoal is close from a margin of 10 on, while it is open', () => {
  expect(isClose({ best: 10, slots: [], done: false })).toBe(true);
  expect(isClose({ best: 10.1, slots: [], done: false })).toBe(false);
  expect(isClose({ best: 1, slots: [], done: true })).toBe(false);
});

test('subgoals that are done do not count as the closest', () => {
  const state = new GoalState({
    objective: 'text-words',
    isTwoSided: false,
    marginSignatures: ['text-words-a', 'text-words-b'],
  });
  state.apply(assignment(), progress({ smallestMargins: [3, 7] }), () => 8, never);
  expect(state.closestOpenMargin).toBe(3);
  state.closeSubgoal('text-words-a');
  expect(state.closestOpenMargin).toBe(7);
  expect(state.isDone).toBe(false);
  state.closeSubgoal('text-words-b');
  expect(state.isDone).toBe(true);
});

test('the slots across the boundary are those of the other side, and only a goal with two sides has them', () => {
  const twoSided = new GoalState({ objective: 'quantization', isTwoSided: true });
  const oneSided = new GoalState({ objective: 'assert', isTwoSided: false });
  const wide = { subgoalCount: 34, improvements: [], smallestMargins: new Array<number>(34).fill(50) };
  for (const state of [twoSided, oneSided]) state.apply(assignment(), wide, () => 8, never);
  expect(twoSided.slotsAcrossBoundary(2)).toBe(twoSided.subgoals[18].slots);
  expect(twoSided.slotsAcrossBoundary(18)).toBe(twoSided.subgoals[2].slots);
  // Margins from 32 on have one side.
  expect(twoSided.slotsAcrossBoundary(33)).toBe(twoSided.subgoals[33].slots);
  expect(oneSided.slotsAcrossBoundary(2)).toEqual([]);
});

test('the keys in a checkpoint are those of earlier versions', () => {
  const state = new GoalState(SITE);
  state.apply(assignment(), { subgoalCount: 1, improvements: [], smallestMargins: [9] }, () => 4, never);
  const slot = { entry: -1, margin: MAX_MARGIN, tries: 0 };
  expect(state.save()).toEqual({
    idle: 0,
    done: false,
    targets: [{ best: 9, done: false, lanes: [{ ...slot, tries: 8 }, slot, slot] }],
  });
});

describe('climbs', () => {
  const climbing = (margin: number): GoalAssignment => ({
    ...assignment([margin, MAX_MARGIN]),
    marginsToBeat: [margin, margin],
    strengths: [1e-3, null],
  });
  const step = (state: GoalState, pick: number, from: number, to: number): void =>
    state.apply(
      climbing(from),
      progress({
        improvements: [{ candidate: 0, pick, subgoal: 0, margin: to }],
        smallestMargins: [to, MAX_MARGIN],
      }),
      () => 8,
      () => 7,
    );

  test('their share follows what they gain, and a slot keeps the strength that paid', () => {
    const state = new GoalState(SITE);
    step(state, 0, 20, 19);
    const { climbShare } = state;
    step(state, 0, 19, 15);
    expect(state.climbShare).toBeGreaterThan(climbShare);
    expect(state.subgoals[0].slots[0]).toMatchObject({ margin: 15, strength: 1e-3 });
  });

  test('what they learned comes back from a checkpoint', () => {
    const state = new GoalState(SITE);
    for (let n = 0; n < 5; n++) step(state, n % 2, 20 - n, 19 - n - 0.01 * n);
    const again = new GoalState(SITE);
    again.restore(JSON.parse(JSON.stringify(state.save())), true);
    expect(again.save()).toEqual(state.save());
    for (const each of [state, again]) step(each, 0, 14, 13.95);
    expect(again.save()).toEqual(state.save());
    expect(again.climbShare).toBe(state.climbShare);
  });

  test('gains of less than a tenth of a halving leave the goal idle, until together they come to more', () => {
    const state = new GoalState(SITE);
    step(state, 0, 20, 19);
    step(state, 0, 19, 18.95);
    expect(state.idleTasks).toBe(1);
    step(state, 0, 18.95, 18.85);
    expect(state.idleTasks).toBe(0);
  });

  test('objectives are not climbed to', () => {
    expect(new GoalState({ objective: 'assert', isTwoSided: false }).climbShare).toBe(0);
  });
});
