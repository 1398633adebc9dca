import { expect, test } from '@jest/globals';
import { type Random, randomStream } from '../../../src/core/random.ts';
import { GoalState } from '../../../src/fuzzer/search/goal-state.ts';
import { type PickRequest, planPicks } from '../../../src/fuzzer/search/plan-picks.ts';
import { MAX_MARGIN, type SearchGoal } from '../../../src/fuzzer/search/search-goal.ts';

const SITE: SearchGoal = {
  site: 'log',
  hazardTarget: { tensor: 'x', hazard: { kind: 'below', bound: 0, unit: 1 } },
};

const request = (fields: Partial<PickRequest> = {}): PickRequest => ({
  goalIndex: 3,
  count: 400,
  corpus: { count: 100, seeds: 10 },
  random: randomStream('picks'),
  areCompatible: () => true,
  lookahead: false,
  suggestedStarts: [],
  ...fields,
});

/** A goal whose subgoals have beams at these entries and margins. */
function stateWith(
  goal: SearchGoal,
  beams: readonly (readonly (readonly [entry: number, margin: number])[])[],
) {
  const state = new GoalState(goal);
  const targets = beams.map((beam) => ({
    best: Math.min(...beam.map(([, margin]) => margin)),
    done: false,
    lanes: beam.map(([entry, margin]) => ({ entry, margin, tries: 0 })),
  }));
  state.restore({ targets, idle: 0, done: false }, true);
  return state;
}

const shareOf = (values: readonly number[], isMeant: (value: number) => boolean): number =>
  values.filter(isMeant).length / values.length;

test('before the first task, half of the picks begin at seeds and half at any entry', () => {
  const { parents, assignment } = planPicks(new GoalState(SITE), request());
  // 10 of 100 entries are seeds: 0.5 + 0.5 · 0.1.
  expect(shareOf(parents, (entry) => entry < 10)).toBeCloseTo(0.55, 1);
  expect(assignment.best).toEqual([]);
  expect(new Set(assignment.marginsToBeat)).toEqual(new Set([MAX_MARGIN]));
  expect(assignment.goalIndex).toBe(3);
});

test('half of the picks that begin anew begin at a suggested entry, where there is one', () => {
  const { parents } = planPicks(new GoalState(SITE), request({ suggestedStarts: [77] }));
  expect(shareOf(parents, (entry) => entry === 77)).toBeCloseTo(0.5, 1);
});

test('more than half of the picks go to the closest subgoal, and most of those to its closest slot', () => {
  const state = stateWith(SITE, [
    [
      [20, 30],
      [21, 31],
      [22, 32],
    ],
    [
      [30, 12],
      [31, 11],
      [32, 13],
    ],
  ]);
  const { assignment, parents } = planPicks(state, request());
  // 0.5 + 0.5 · 0.5 for the subgoal, 0.5 + 0.5 / 3 for the slot.
  expect(shareOf(assignment.subgoals, (subgoal) => subgoal === 1)).toBeCloseTo(0.75, 1);
  const ofClosest = assignment.slots.filter((_, pick) => assignment.subgoals[pick] === 1);
  expect(shareOf(ofClosest, (slot) => slot === 1)).toBeCloseTo(2 / 3, 1);
  expect(assignment.best).toEqual([30, 11]);
  parents.forEach((entry, pick) => {
    expect(entry).toBe([20, 30][assignment.subgoals[pick]] + assignment.slots[pick]);
  });
});

test('without lookahead, a goal that allows it has picks for close subgoals and their closest slot alone', () => {
  const goal: SearchGoal = {
    objective: 'text',
    isTwoSided: false,
    marginSignatures: ['text-a', 'text-b', 'text-c'],
    predictsBeforeOutput: true,
  };
  const beam = (entry: number, margin: number): (readonly [number, number])[] => [
    [entry, margin + 1],
    [entry + 1, margin],
    [-1, MAX_MARGIN],
  ];
  const state = stateWith(goal, [beam(20, 9), beam(30, 30), beam(40, 8)]);
  const { parents } = planPicks(state, request());
  expect(new Set(parents)).toEqual(new Set([21, 41]));
  const ahead = planPicks(state, request({ lookahead: true }));
  expect(new Set(ahead.assignment.subgoals)).toEqual(new Set([0, 1, 2]));
});

test('the partner across the boundary is the closest one that is compatible', () => {
  const beams = Array.from({ length: 32 }, (_, i): (readonly [number, number])[] =>
    i === 0
      ? [
          [50, 5],
          [50, 5],
          [50, 5],
        ]
      : i === 16
        ? [
            [60, 9],
            [61, 7],
            [62, 8],
          ]
        : [
            [-1, MAX_MARGIN],
            [-1, MAX_MARGIN],
            [-1, MAX_MARGIN],
          ],
  );
  const state = stateWith({ objective: 'quantization', isTwoSided: true }, beams);
  const partnersOf50 = (areCompatible: PickRequest['areCompatible']): Set<number> => {
    const { parents, acrossBoundary } = planPicks(state, request({ areCompatible }));
    return new Set(acrossBoundary.filter((_, pick) => parents[pick] === 50));
  };
  expect(partnersOf50(() => true).has(61)).toBe(true);
  const others = partnersOf50((_, entry) => entry !== 61);
  expect(others.has(62)).toBe(true);
  expect(others.has(61)).toBe(false);
});

test('equal streams give equal plans, and one of no picks draws nothing', () => {
  const state = stateWith(SITE, [
    [
      [20, 30],
      [21, 31],
      [22, 32],
    ],
  ]);
  expect(planPicks(state, request())).toEqual(planPicks(state, request()));
  const unused: Random = {
    uniform: () => {
      throw new Error('drawn');
    },
    below: () => {
      throw new Error('drawn');
    },
  };
  expect(planPicks(state, request({ count: 0, random: unused })).parents).toEqual([]);
});

test('picks at a slot with an entry may climb, and are told the strength that brought it nearer', () => {
  const state = new GoalState(SITE);
  const lanes = [
    { entry: 20, margin: 9, tries: 0, strength: 1e-4 },
    { entry: 21, margin: 12, tries: 0, strength: 1e-2 },
    { entry: -1, margin: MAX_MARGIN, tries: 0 },
  ];
  state.restore({ targets: [{ best: 9, done: false, lanes }], idle: 0, done: false }, true);
  const { assignment, learnedStrengths, climbShare } = planPicks(state, request());
  expect(climbShare).toBe(state.climbShare);

  learnedStrengths.forEach((strength, pick) => {
    expect(strength).toBe([1e-4, 1e-2, null][assignment.slots[pick]]);
  });
  expect(new Set(learnedStrengths).size).toBe(3);
});
