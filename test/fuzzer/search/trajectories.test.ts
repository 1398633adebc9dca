import { describe, expect, test } from '@jest/globals';
import type { Candidate } from '../../../src/fuzzer/search/goal-tracker.ts';
import { Trajectories } from '../../../src/fuzzer/search/trajectories.ts';
import { entryOf, taskOf, testcaseOf } from '../../support/tasks.ts';

const entryData = (entry: number) => entryOf(entry, testcaseOf([entry]));

describe('a task without steps', () => {
  test('is one step that mutates corpus entries, and has no paths', () => {
    const trajectories = new Trajectories(taskOf([5, 6, 7]), entryData, undefined);
    const steps = [...trajectories.steps()];
    expect(steps.map(({ from, to, streamKey }) => ({ from, to, streamKey }))).toEqual([
      { from: 0, to: 3, streamKey: [] },
    ]);
    expect(steps[0].parentOf(1)).toBeUndefined();
    expect(trajectories.parentOf(1)).toEqual(entryData(6));
    expect(trajectories.pathOf(1)).toBeUndefined();
  });
});

describe('a task with steps', () => {
  /** Five picks in steps of two; the best candidates are set between steps. */
  const begin = () => {
    const best = new Map<number, Candidate>();
    const task = taskOf([5, 6, 5, 6, 5], { picksPerStep: 2 });
    const trajectories = new Trajectories(task, entryData, {
      bestCandidateOf: (pick) => best.get(pick % 2),
    });
    return { best, trajectories, steps: trajectories.steps() };
  };

  test('covers all picks, and the steps after the first draw other random numbers', () => {
    const { steps } = begin();
    expect([...steps].map(({ from, to, streamKey }) => [from, to, streamKey])).toEqual([
      [0, 2, []],
      [2, 4, [2]],
      [4, 5, [4]],
    ]);
  });

  test('mutates the best mutant of each trajectory in the next step, and its entry where there is none', () => {
    const { best, trajectories, steps } = begin();
    const first = steps.next().value;
    expect(first?.parentOf(0)).toBeUndefined();
    expect(trajectories.pathOf(1)).toEqual([1]);
    best.set(1, {
      pick: 1,
      path: [1],
      predictedClass: 0,
      data: testcaseOf([60]),
      activations: Float32Array.of(9),
    });
    // A step keeps the parents that it began with.
    expect(trajectories.parentOf(1)).toEqual(entryData(6));
    const second = steps.next().value;
    expect(second?.parentOf(2)).toBeUndefined();
    expect(second?.parentOf(3)).toEqual({
      ...entryData(6),
      data: testcaseOf([60]),
      activations: Float32Array.of(9),
    });
    expect(trajectories.pathOf(2)).toEqual([2]);
    expect(trajectories.pathOf(3)).toEqual([1, 3]);
  });
});
