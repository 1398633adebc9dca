import { describe, expect, test } from '@jest/globals';
import { type Candidate, GoalTracker } from '../../../src/fuzzer/search/goal-tracker.ts';
import { type GoalAssignment, MAX_MARGIN, type SearchGoal } from '../../../src/fuzzer/search/search-goal.ts';
import type { BatchTensor } from '../../../src/model/batched-model.ts';
import type { JudgedBatch, Objective } from '../../../src/objectives/objective.ts';
import { testcaseOf } from '../../support/tasks.ts';

const GOAL: SearchGoal = { objective: 'limit', isTwoSided: false };

/** The margins of a row are its values. */
const LIMIT: Objective = {
  name: 'limit',
  judge: () => {},
  margins({ outputs: [{ data, size }] }, row, out) {
    for (let i = 0; i < size; i++) out[i] = Number(data[row * size + i]);
    return size;
  },
};

/** A batch whose output `y` has these rows. */
function batchOf(rows: readonly (readonly number[])[]): JudgedBatch {
  const size = rows[0].length;
  const y: BatchTensor = {
    name: 'y',
    type: 'float64',
    size,
    shape: [size],
    data: Float64Array.from(rows.flat()),
  };
  return { rows: rows.length, inputs: [], outputs: [y], activations: [] };
}

const assignment = (fields: Partial<GoalAssignment> = {}): GoalAssignment => ({
  goalIndex: 0,
  subgoals: [0, 1],
  slots: [0, 0],
  marginsToBeat: [20, 20],
  best: [15, 15],
  ...fields,
});

const candidate = (pick: number, row: number): Candidate => ({
  pick,
  predictedClass: row,
  data: testcaseOf([row]),
  activations: Float32Array.of(row),
});

const trackerOf = (given = assignment(), picksPerStep?: number): GoalTracker =>
  new GoalTracker(given, [GOAL], [LIMIT], false, picksPerStep);

/** Records one row for each pick, in order; returns the rows that were copied. */
function record(
  tracker: GoalTracker,
  rows: readonly (readonly number[])[],
  picks: readonly number[],
): number[] {
  const copied: number[] = [];
  tracker.record({ batch: batchOf(rows), firstRow: 0 }, (row) => ({
    pick: picks[row],
    toCandidate: () => {
      copied.push(row);
      return candidate(picks[row], row);
    },
  }));
  return copied;
}

describe('a task without steps', () => {
  test('keeps what beats the best of a subgoal, or its own slot', () => {
    const tracker = trackerOf();
    // Row 0 beats the best of subgoal 0; row 1 only its slot's margin; row 2 neither.
    const rows = [
      [14, 30],
      [30, 18],
      [25, 25],
    ];
    expect(record(tracker, rows, [0, 1, 0])).toEqual([0, 1]);
    expect(tracker.progress(10)).toEqual({
      subgoalCount: 2,
      improvements: [
        { candidate: 10, pick: 0, subgoal: 0, margin: 14 },
        { candidate: 11, pick: 1, subgoal: 1, margin: 18 },
      ],
      smallestMargins: [14, 18],
    });
  });

  test('keeps an improvement of a subgoal that its pick is not for', () => {
    const tracker = trackerOf();
    record(tracker, [[30, 9]], [0]);
    expect(tracker.progress(0).improvements).toEqual([{ candidate: 0, pick: 0, subgoal: 1, margin: 9 }]);
  });

  test('copies a row once, however many subgoals it improves', () => {
    const tracker = trackerOf();
    expect(record(tracker, [[3, 4]], [0])).toEqual([0]);
    expect(tracker.candidates.length).toBe(1);
    expect(tracker.progress(5).improvements.map(({ candidate: index }) => index)).toEqual([5, 5]);
  });

  test('reports a margin of 0 and does not keep its row', () => {
    const tracker = trackerOf();
    expect(record(tracker, [[0, 30]], [0])).toEqual([]);
    expect(tracker.progress(0)).toEqual({ subgoalCount: 2, improvements: [], smallestMargins: [0, 30] });
  });

  test('bounds margins that are infinite', () => {
    const tracker = trackerOf();
    record(tracker, [[Number.POSITIVE_INFINITY, 30]], [0]);
    expect(tracker.progress(0).smallestMargins).toEqual([MAX_MARGIN, 30]);
  });

  test('keeps no row that cannot be an entry, and skips rows that hold no mutant', () => {
    const tracker = trackerOf();
    tracker.record(
      {
        batch: batchOf([
          [1, 1],
          [2, 2],
        ]),
        firstRow: 4,
      },
      (row) => (row === 4 ? undefined : { pick: 0, toCandidate: () => undefined }),
    );
    expect(tracker.progress(0)).toEqual({ subgoalCount: 2, improvements: [], smallestMargins: [2, 2] });
  });

  test('without any row has no subgoals', () => {
    expect(trackerOf().progress(0)).toEqual({ subgoalCount: 0, improvements: [], smallestMargins: [] });
  });
});

describe('a task with steps', () => {
  const stepped = (): GoalTracker =>
    trackerOf(
      assignment({ subgoals: [0, 1, 0, 1], slots: [0, 0, 0, 0], marginsToBeat: [20, 20, 20, 20] }),
      2,
    );

  test('follows the picks at the same position of each step as one trajectory', () => {
    const tracker = stepped();
    record(tracker, [[12, 30]], [0]);
    expect(tracker.bestCandidateOf(0)?.predictedClass).toBe(0);
    expect(tracker.bestCandidateOf(2)).toBe(tracker.bestCandidateOf(0));
    expect(tracker.bestCandidateOf(1)).toBeUndefined();
    // In the next step the trajectory has to beat 12, although its slot's margin is 20.
    record(
      tracker,
      [
        [13, 30],
        [11, 30],
      ],
      [2, 2],
    );
    expect(tracker.bestCandidateOf(0)?.pick).toBe(2);
    expect(tracker.bestCandidateOf(0)?.predictedClass).toBe(1);
  });

  test('says which margin a mutant has to beat', () => {
    const tracker = stepped();
    expect(tracker.subgoalOf(3)).toBe(1);
    // The slot's 20 is easier to beat than the subgoal's 15.
    expect(tracker.marginToBeat(0)).toBe(20);
    record(tracker, [[12, 30]], [0]);
    expect(tracker.marginToBeat(2)).toBe(12);
    expect(tracker.marginToBeat(3)).toBe(20);
  });
});

test('the goal of a site measures its hazard in the tensor that the model exposes', () => {
  const goal: SearchGoal = {
    site: 'log',
    hazardTarget: { tensor: 'y', hazard: { kind: 'below', bound: 0, unit: 1 } },
  };
  const tracker = new GoalTracker(
    assignment({ subgoals: [0], marginsToBeat: [5] }),
    [goal],
    [],
    false,
    undefined,
  );
  expect(tracker.tensors).toEqual(['y']);
  expect(tracker.objective).toBeUndefined();
  record(tracker, [[4], [1024], [-1]], [0, 0, 0]);
  // Margins are halvings of the distance, in units: 4 is closer than 1024, and −1 is in the unsafe region.
  const { smallestMargins, improvements } = tracker.progress(0);
  expect(smallestMargins).toEqual([0]);
  expect(improvements.length).toBe(1);
  expect(tracker.candidates[0].predictedClass).toBe(0);
});

test('the goal of a site in a body has one subgoal, however many values the body computes, and none of them counts', () => {
  const goal: SearchGoal = {
    site: 'log',
    hazardTarget: { tensor: 'y', hazard: { kind: 'below', bound: 0, unit: 1 }, isInBody: true },
  };
  const tracker = new GoalTracker(
    assignment({ subgoals: [0], marginsToBeat: [50], best: [] }),
    [goal],
    [],
    false,
    undefined,
  );
  record(tracker, [[]], [0]);
  expect(tracker.progress(0)).toEqual({ subgoalCount: 1, improvements: [], smallestMargins: [MAX_MARGIN] });
  record(tracker, [[1024, 3, 7]], [0]);
  record(tracker, [[63]], [0]);
  expect(tracker.progress(0)).toMatchObject({ subgoalCount: 1, smallestMargins: [2] });
});

test('of a search from seeds a mutant has the least of its margins, at the seed of its pick alone', () => {
  const tracker = trackerOf(
    assignment({ seeds: [7, 9], best: [MAX_MARGIN, 30], marginsToBeat: [MAX_MARGIN, 30] }),
  );
  const rows = [
    [50, 40, 60],
    [35, 90, 31],
    [30, 80, 29],
  ];
  const picks = [0, 1, 1];
  tracker.record({ batch: batchOf(rows), firstRow: 0 }, (row) => ({
    pick: picks[row],
    toCandidate: () => candidate(picks[row], row),
  }));
  expect(tracker.progress(0)).toEqual({
    subgoalCount: 2,
    improvements: [
      { candidate: 0, pick: 0, subgoal: 0, margin: 40 },
      { candidate: 1, pick: 1, subgoal: 1, margin: 29 },
    ],
    smallestMargins: [40, 29],
  });
});

describe('a task that steps along gradients to a boundary between classes', () => {
  const twoSided: SearchGoal = { objective: 'limit', isTwoSided: true };
  const given = (ascends: boolean): GoalAssignment => ({
    ...assignment({ subgoals: [0, 0], slots: [0, 0], best: [1, 1] }),
    ...(ascends ? { ascends } : {}),
  });

  test.each([
    [true, 1, [{ candidate: 0, pick: 0, subgoal: 1, margin: 9 }]],
    [false, undefined, []],
  ])('goes on from the nearest one: %s', (ascends, row, improvements) => {
    const tracker = new GoalTracker(given(ascends), [twoSided], [LIMIT], false, 1);
    // A step may end on the other side of a boundary: there the margin of its own subgoal is large.
    record(
      tracker,
      [
        [30, 12],
        [25, 9],
      ],
      [0, 0],
    );
    expect(tracker.bestCandidateOf(0)?.predictedClass).toBe(row);
    expect(tracker.progress(0).improvements).toEqual(improvements);
  });
});
