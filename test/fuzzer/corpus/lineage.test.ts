import { describe, expect, test } from '@jest/globals';
import type { ConstraintLimits } from '../../../src/constraints/constraint-limits.ts';
import type { CorpusEntry } from '../../../src/fuzzer/corpus/corpus-entry.ts';
import { LineageTracker } from '../../../src/fuzzer/corpus/lineage.ts';
import { MAX_STACK_DEPTH } from '../../../src/fuzzer/scheduling/mutator-arms.ts';
import { NO_ARM } from '../../../src/fuzzer/scheduling/mutator-stack.ts';
import type { Task } from '../../../src/fuzzer/scheduling/task.ts';
import { ARM, DESCRIPTOR, testcase } from '../../support/engine.ts';
import { testcaseOf } from '../../support/tasks.ts';

const SEED: CorpusEntry = {
  id: 'seed',
  parent: null,
  ancestor: 'seed',
  generation: 0,
  outcome: 0,
  ancestorIndex: 0,
  referenceIndex: 0,
};
const CHILD: CorpusEntry = { ...SEED, id: 'child', parent: 'seed', generation: 3 };
const ENTRIES = [
  { entry: SEED, data: testcase(0) },
  { entry: CHILD, data: testcase(1) },
];

const ARMS = [[ARM, { ...ARM, name: 'rotate', geometric: true }]];
const tracker = (limits: ConstraintLimits = {}) =>
  new LineageTracker({
    corpus: { at: (i) => ENTRIES[i].entry, data: (i) => ENTRIES[i].data },
    descriptors: [DESCRIPTOR],
    arms: ARMS,
    limits,
  });

const stack = (...arms: number[]) => Array.from({ length: MAX_STACK_DEPTH }, (_, i) => arms[i] ?? NO_ARM);

/** A task of two picks of the child: the first by both mutators, the second by the first one. */
const TASK: Task = {
  number: 5,
  firstExec: 0,
  mutants: 16,
  parents: [1, 1],
  partners: [-1, -1],
  stacks: [...stack(0, 1), ...stack(0)],
  saturatedSignatures: [],
  indexSize: 0,
  threshold: 1,
};

const REASON = { novelty: 4, goalName: undefined };

describe('the record of a mutant', () => {
  test('names its parent, its ancestor and the mutators of its pick', () => {
    expect(tracker().recordOf(TASK, 0, undefined, 'mutant', REASON, 2)).toEqual({
      id: 'mutant',
      parent: 'child',
      ancestor: 'seed',
      generation: 4,
      mutators: ['x:gaussian', 'x:rotate'],
      novelty: 4,
      task: 5,
      outcome: 2,
    });
  });

  test('counts the steps of its path as generations, with the mutators of all', () => {
    const { generation, mutators } = tracker().recordOf(TASK, 1, [0, 1], 'mutant', REASON, 2);
    expect(generation).toBe(5);
    expect(mutators).toEqual(['x:gaussian', 'x:rotate', 'x:gaussian']);
  });

  test('names the goal it was admitted for; an infinite novelty is null', () => {
    const record = tracker().recordOf(
      TASK,
      1,
      undefined,
      'mutant',
      { novelty: Number.POSITIVE_INFINITY, goalName: 'log' },
      2,
    );
    expect(record).toMatchObject({ site: 'log', novelty: null });
  });

  test("is its own reference after a geometric transform by DeepHunter's rule alone", () => {
    const deephunter = { deephunter: { alpha: 0.02, beta: 0.2 } };
    const reference = (limits: ConstraintLimits, pick: number) =>
      tracker(limits).recordOf(TASK, pick, undefined, 'mutant', REASON, 2).reference;
    expect(reference(deephunter, 0)).toBe('mutant');
    expect(reference(deephunter, 1)).toBeUndefined();
    expect(reference({}, 0)).toBeUndefined();
  });
});

describe('constraints', () => {
  test('are measured from the ancestor, not from the parent', () => {
    const brokenConstraints = (x: number) => tracker({ linf: 1 }).brokenConstraints(TASK, 1, testcase(x));
    expect(brokenConstraints(1)).toEqual([]);
    expect(brokenConstraints(2)).toEqual([expect.stringMatching(/L-infinity is 2, above 1/)]);
  });

  test('include the range of the values', () => {
    expect(tracker().brokenConstraints(TASK, 1, testcase(11))).toHaveLength(1);
  });
});

describe('a mutant of another size', () => {
  const sizeChange = { dimension: 'x', places: [{ input: 0, axis: 0 }], lengthInputs: [], size: 3 };
  const data = testcaseOf([0, 9, 9]);

  test('is told by its mutators, the size first', () => {
    expect(tracker().originOf({ ...TASK, sizeChange }, 1).mutators).toEqual(['x:size', 'x:gaussian']);
  });

  test('is measured from its ancestor at that size', () => {
    expect(tracker({ linf: 9 }).brokenConstraints({ ...TASK, sizeChange }, 1, data)).toEqual([]);
    expect(tracker({ linf: 8 }).brokenConstraints({ ...TASK, sizeChange }, 1, data)).toHaveLength(1);
  });
});
