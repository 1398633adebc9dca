import { expect, test } from '@jest/globals';
import { groupByShape, type Point, pointsOf } from '../../../../src/fuzzer/search/ascent/ascent-points.ts';
import { padded } from '../../../../src/model/batched-gradient.ts';
import { makeTestcaseInput, shapeSignatureOf } from '../../../../src/model/testcase-batch.ts';
import { executionOf, FORM, rowFunctionModel, runnerOptions, viewOf } from '../../../support/task-runner.ts';
import { taskOf, testcaseOf } from '../../../support/tasks.ts';

const entry = (...values: number[]) => ({
  data: { ...testcaseOf(values), form: FORM },
  activations: Float32Array.of(0),
});

function points(marginsToBeat: readonly number[], from = 0): Point[] {
  const parents = [0, 1, 0, 0];
  const goal = {
    goalIndex: 0,
    subgoals: [0, 0, 0, 1],
    slots: [0, 0, 0, 0],
    marginsToBeat,
    best: [20, 20],
    ascends: true as const,
  };
  const task = taskOf(parents, { mutants: 32, goal });
  const { model } = rowFunctionModel((x) => [x[0]]);
  const goals = [{ objective: 'limit', isTwoSided: false }];
  const options = runnerOptions({ model, arms: [[]], goals });
  const view = viewOf([entry(1, 2, 3), entry(4, 5, 6)], undefined);
  const step = { from, to: parents.length, parentOf: () => undefined, streamKey: [] };
  return pointsOf(executionOf(task, view, options), goal, step);
}

test('picks of one testcase and one subgoal share a point', () => {
  expect(points([5, 5, 5, 5]).map(({ picks, subgoal }) => [picks, subgoal])).toEqual([
    [[0, 2], 0],
    [[1], 0],
    [[3], 1],
  ]);
});

test('those that begin anew try other boundaries in turn', () => {
  const ranks = points([1e6, 1e6, 1e6, 1e6]).map(({ rank }) => rank);
  expect(new Set(ranks).size).toBeGreaterThan(1);
  expect(points([1e6, 1e6, 1e6, 1e6], 1).every(({ rank }) => rank === 0)).toBe(true);
});

test('points of one shape run together, a power of two at most', () => {
  const longer = shapeSignatureOf([
    makeTestcaseInput({ name: 'x', type: 'float32', shape: [null, null] }, [5]),
  ]);
  const list = points([5, 5, 5, 5]);
  const other = { ...list[0], parent: { ...list[0].parent, data: { ...list[0].parent.data, form: longer } } };
  const groups = groupByShape([list[0], other, list[1], list[2]], 3);
  expect(groups.map((group) => group.length)).toEqual([2, 1, 1]);
});

test('a batch is filled up to a power of two with its last testcase', () => {
  const { batch, rows } = padded(points([5, 5, 5, 5]).map(({ parent }) => parent.data));
  expect(rows).toBe(4);
  expect([...(batch.inputs[0] as Float32Array)]).toEqual([1, 2, 3, 4, 5, 6, 1, 2, 3, 1, 2, 3]);
});
