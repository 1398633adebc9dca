import { expect, test } from '@jest/globals';
import { ClimbShare } from '../../../src/fuzzer/search/climb-share.ts';
import { type GoalAssignment, MAX_MARGIN } from '../../../src/fuzzer/search/search-goal.ts';

/** Eight picks at margin 10 of one subgoal, of which every other one climbs. */
const ASSIGNMENT: GoalAssignment = {
  goalIndex: 0,
  subgoals: new Array(8).fill(0),
  slots: new Array(8).fill(0),
  marginsToBeat: new Array(8).fill(10),
  best: [10],
  strengths: Array.from({ length: 8 }, (_, pick) => (pick % 2 === 0 ? 1e-3 : null)),
};

/** Applies tasks in which one pick gains so many halvings. */
function taught(share: ClimbShare, pick: number, gain: number, tasks = 30, assignment = ASSIGNMENT) {
  const improvements = [{ candidate: 0, pick, subgoal: 0, margin: assignment.marginsToBeat[pick] - gain }];
  for (let task = 0; task < tasks; task++) share.apply(assignment, { improvements }, () => 8);
  return share;
}

test('begins below one half and follows what gains more, within bounds', () => {
  const atFirst = new ClimbShare().share;
  expect(atFirst).toBeGreaterThan(0.2);
  expect(atFirst).toBeLessThan(0.5);
  expect(taught(new ClimbShare(), 0, 1).share).toBe(0.85);
  expect(taught(new ClimbShare(), 1, 1).share).toBe(0.2);
});

test('what was gained long ago counts less', () => {
  const share = taught(new ClimbShare(), 0, 1);
  taught(share, 1, 1, 100);
  expect(share.share).toBe(0.2);
});

test('gains of next to nothing count as none', () => {
  expect(taught(new ClimbShare(), 0, 1e-4).share).toBeLessThan(0.5);
});

test('picks that began at no entry of the goal say nothing', () => {
  const marginsToBeat = Array.from({ length: 8 }, (_, pick) => (pick % 2 === 0 ? 10 : MAX_MARGIN));
  const share = taught(new ClimbShare(), 0, 5, 30, { ...ASSIGNMENT, marginsToBeat });
  expect(share.save().others).toEqual({ mutants: 0, gain: 0 });
  expect(share.save().climbs.mutants).toBeGreaterThan(0);
});

test('goes on the same after it was saved as JSON and restored', () => {
  const share = taught(taught(new ClimbShare(), 0, 0.3, 7), 1, 0.2, 5);
  const again = new ClimbShare();
  again.restore(JSON.parse(JSON.stringify(share.save())));
  expect(taught(again, 0, 0.1, 3).save()).toEqual(taught(share, 0, 0.1, 3).save());
  expect(again.share).toBe(share.share);
});
