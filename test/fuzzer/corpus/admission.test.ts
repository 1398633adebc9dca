import { describe, expect, test } from '@jest/globals';
import { CorpusAdmission } from '../../../src/fuzzer/corpus/admission.ts';
import { Corpus } from '../../../src/fuzzer/corpus/corpus.ts';
import { LineageTracker } from '../../../src/fuzzer/corpus/lineage.ts';
import { NO_ARM } from '../../../src/fuzzer/scheduling/mutator-stack.ts';
import type { Task } from '../../../src/fuzzer/scheduling/task.ts';
import { DirectedSearch } from '../../../src/fuzzer/search/directed-search.ts';
import {
  ARM,
  DESCRIPTOR,
  distanceFeedback,
  idOf,
  NO_LOADER,
  resultOf,
  testcase,
} from '../../support/engine.ts';

const TASK: Task = {
  number: 1,
  firstExec: 0,
  mutants: 8,
  parents: [0],
  partners: [-1],
  stacks: [0, NO_ARM, NO_ARM, NO_ARM],
  saturatedSignatures: [],
  indexSize: 1,
  threshold: 1,
};

const GOAL = {
  site: 'log',
  hazardTarget: { tensor: 'p', hazard: { kind: 'below', bound: 0, unit: 1 } },
} as never;

function setUp({ hasGoal = false, maxEntries = Number.POSITIVE_INFINITY } = {}) {
  const corpus = new Corpus(NO_LOADER);
  const added: (readonly [number, number | undefined])[] = [];
  const feedback = distanceFeedback();
  const directedSearch = hasGoal ? new DirectedSearch([GOAL]) : undefined;
  const admission = new CorpusAdmission({
    corpus,
    feedback,
    scheduler: { pick: () => 0, added: (rank, parent) => added.push([rank, parent]) },
    directedSearch,
    lineage: new LineageTracker({ corpus, descriptors: [DESCRIPTOR], arms: [[ARM]], limits: {} }),
    maxEntries,
  });
  const seed = admission.admitSeed(testcase(0), Float32Array.of(0), 3);
  return { admission, corpus, feedback, added, seed };
}

const legal = () => true;

describe('a seed', () => {
  test('is its own ancestor, and enters corpus, history and scheduler', () => {
    const { seed, corpus, feedback, added } = setUp();
    expect(seed).toMatchObject({
      parent: null,
      ancestor: seed?.id,
      generation: 0,
      novelty: null,
      outcome: 3,
    });
    expect([corpus.size.seeds, feedback.size]).toEqual([1, 1]);
    expect(added).toEqual([[0, undefined]]);
  });

  test('that is there already is not admitted', () => {
    const { admission, corpus } = setUp();
    expect(admission.admitSeed(testcase(0), Float32Array.of(9), 3)).toBeUndefined();
    expect(corpus.size.count).toBe(1);
  });
});

describe('an imported testcase', () => {
  const lineage = {
    id: idOf(testcase(5)),
    parent: 'gone',
    ancestor: idOf(testcase(0)),
    generation: 4,
    mutators: ['special'],
  };

  test('keeps its lineage', () => {
    const { admission, corpus } = setUp();
    const imported = { lineage, data: testcase(5), ancestor: testcase(0) };
    expect(admission.admitImported(imported, Float32Array.of(5), 1)).toMatchObject(lineage);
    expect(corpus.at(1).ancestorIndex).toBe(0);
    expect(admission.admitImported(imported, Float32Array.of(5), 1)).toBe('known');
  });

  test('is an orphan where the entry that it is measured from is missing', () => {
    const { admission } = setUp();
    const orphan = { lineage: { ...lineage, ancestor: 'gone' }, data: testcase(5), ancestor: testcase(0) };
    expect(admission.admitImported(orphan, Float32Array.of(5), 1)).toBe('orphan');
  });
});

describe('an imported testcase of a full corpus', () => {
  test('is left out', () => {
    const { admission, corpus } = setUp({ maxEntries: 1 });
    const lineage = {
      id: idOf(testcase(5)),
      parent: null,
      ancestor: idOf(testcase(0)),
      generation: 1,
      mutators: [],
    };
    const imported = { lineage, data: testcase(5), ancestor: testcase(0) };
    expect(admission.admitImported(imported, Float32Array.of(5), 1)).toBe('full');
    expect(corpus.size.count).toBe(1);
  });
});

describe('candidates', () => {
  test('are admitted where they are still new; the reward counts in thresholds', () => {
    const { admission } = setUp();
    const { novel } = admission.admit(
      TASK,
      resultOf(TASK, [
        { data: testcase(1), activation: 3 },
        { data: testcase(2), activation: 3.5 },
        { data: testcase(3), activation: 1 },
      ]),
      legal,
    );
    expect(novel.map(({ entry, novelty }) => [entry.id, novelty])).toEqual([[idOf(testcase(1)), 9]]);
  });

  test('that are not legal are not admitted', () => {
    const { admission, corpus } = setUp();
    const result = resultOf(TASK, [{ data: testcase(1), activation: 3 }]);
    expect(admission.admit(TASK, result, () => false).novel).toEqual([]);
    expect(corpus.size.count).toBe(1);
  });

  test('that come nearer to the goal are admitted although their activations are known', () => {
    const { admission, corpus } = setUp({ hasGoal: true });
    const goal = { goalIndex: 0, subgoals: [0], slots: [0], marginsToBeat: [1e6], best: [] };
    const task = { ...TASK, goal };
    const { improvements, novel } = admission.admit(
      task,
      resultOf(task, [{ data: testcase(1), activation: 0.1 }], {
        progress: {
          subgoalCount: 1,
          improvements: [{ candidate: 0, pick: 0, subgoal: 0, margin: 5 }],
          smallestMargins: [5],
        },
      }),
      legal,
    );
    expect(novel).toEqual([]);
    expect(improvements.map(({ entry }) => entry.site)).toEqual(['log']);
    // It is none of the entries that the scheduler picks for coverage.
    expect(corpus.scheduled.count).toBe(1);
  });
});

describe('a corpus of at most 16 entries', () => {
  /** Admits candidates, each far from the others, one task each. */
  const admitNovel = ({ admission, corpus }: ReturnType<typeof setUp>, count: number): number => {
    for (let i = 1; i <= count; i++)
      admission.admit(TASK, resultOf(TASK, [{ data: testcase(i), activation: 4 * i }]), legal);
    return corpus.size.count;
  };

  test('admits so many, and then is full', () => {
    const parts = setUp({ maxEntries: 16 });
    expect(admitNovel(parts, 14)).toBe(15);
    expect(parts.admission.isFull).toBe(false);
    expect(admitNovel(parts, 20)).toBe(16);
    expect(parts.admission.isFull).toBe(true);
  });

  test('has its last eighth for entries that come nearer to a goal, where there is one', () => {
    const parts = setUp({ hasGoal: true, maxEntries: 16 });
    expect(admitNovel(parts, 20)).toBe(14);
    expect(parts.admission.isFull).toBe(true);
    const goal = { goalIndex: 0, subgoals: [0], slots: [0], marginsToBeat: [1e6], best: [] };
    for (let margin = 9; margin > 0; margin--) {
      const task = { ...TASK, goal };
      const progress = {
        subgoalCount: 1,
        improvements: [{ candidate: 0, pick: 0, subgoal: 0, margin }],
        smallestMargins: [margin],
      };
      // Far from all others: new as well.
      const candidate = { data: testcase(9, margin), activation: 100 * margin };
      parts.admission.admit(task, resultOf(task, [candidate], { progress }), legal);
    }
    expect(parts.corpus.size.count).toBe(16);
  });
});
