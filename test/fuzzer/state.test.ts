import { describe, expect, test } from '@jest/globals';
import type { NoveltyFilter } from '../../src/coverage/feedback/feedback-kind.ts';
import { feedbackKind } from '../../src/coverage/feedback/registry.ts';
import type { Hit, Task } from '../../src/fuzzer/scheduling/task.ts';
import { FuzzerState } from '../../src/fuzzer/state.ts';
import { idOf, NOTHING_CONFIRMED, resultOf, seededState, stateOptions, testcase } from '../support/engine.ts';

/** A worker's filter with a history of one observation. */
function distanceHistoryFilter(threshold: number): NoveltyFilter {
  const history = feedbackKind('distance').openHistory(1);
  history.add(Float32Array.of(0));
  return history.filter(threshold);
}

function handOut(state: FuzzerState): Task {
  const task = state.nextTask();
  if (task === undefined) throw new Error('the budget is handed out');
  return task;
}

const hitOf = (task: Task, data = testcase(9)): Hit => ({
  pick: 0,
  execs: task.firstExec + 1,
  violation: {
    objective: 'nonfinite',
    signature: 'nonfinite-nan-log',
    summary: '',
    tensors: [],
    details: {},
  },
  data,
  batch: { data, rows: 1, row: 0 },
});

describe('handing out tasks', () => {
  test('numbers them, and counts the mutants before each', () => {
    const state = seededState();
    const tasks = [handOut(state), handOut(state)];
    expect(tasks.map(({ number }) => number)).toEqual([1, 2]);
    expect(tasks[0].firstExec).toBe(0);
    expect(tasks[1].firstExec).toBe(tasks[0].mutants);
    expect(state.inFlight).toEqual(tasks);
  });

  test('a task has one parent for each eight mutants, and a stack of mutators for each', () => {
    const { mutants, parents, partners, stacks } = handOut(seededState());
    expect(parents).toEqual(Array.from({ length: Math.ceil(mutants / 8) }, () => 0));
    expect(partners).toEqual(parents.map(() => -1));
    expect(stacks).toHaveLength(4 * parents.length);
  });

  test('stops at the budget, whose last task is cut', () => {
    const { tasks } = stateOptions();
    const state = seededState({ tasks: { ...tasks, maxExecs: 10 } });
    const first = handOut(state);
    expect(first.mutants).toBe(8);
    expect(state.isEnding).toBe(true);
    expect(handOut(state).mutants).toBe(2);
    expect(state.nextTask()).toBeUndefined();
  });

  test('waits for results once the feedback delay is used up', () => {
    const state = seededState();
    const seen: boolean[] = [];
    for (let n = 0; n < 3; n++) {
      seen.push(state.mustApply);
      handOut(state);
    }
    expect([...seen, state.mustApply]).toEqual([false, false, true, true]);
  });

  test('two states made alike hand out equal tasks; another master seed draws others', () => {
    const { tasks } = stateOptions();
    const withSeed = (masterSeed: string) => {
      const state = seededState({ tasks: { ...tasks, masterSeed } });
      state.addSeed(testcase(1), Float32Array.of(5), 3);
      state.addSeed(testcase(2), Float32Array.of(9), 3);
      return Array.from({ length: 6 }, () => handOut(state));
    };
    expect(withSeed('a')).toEqual(withSeed('a'));
    expect(withSeed('a')).not.toEqual(withSeed('b'));
  });
});

describe('applying a result', () => {
  test('adds the candidates whose activations are new by now, and returns them for the journal', () => {
    const state = seededState();
    const [first, second] = [handOut(state), handOut(state)];
    const far = { data: testcase(1), activation: 4 };
    const nearToFar = { data: testcase(2), activation: 4.5 };
    const { entries } = state.apply(resultOf(first, [far]), NOTHING_CONFIRMED);
    expect(entries.map(({ id, novelty, task, outcome }) => ({ id, novelty, task, outcome }))).toEqual([
      { id: idOf(far.data), novelty: 16, task: 1, outcome: 1 },
    ]);
    // It looked new to its task, which did not see the other one.
    expect(state.apply(resultOf(second, [nearToFar]), NOTHING_CONFIRMED).entries).toEqual([]);
    expect(state.corpus.size).toEqual({ count: 2, seeds: 1 });
  });

  test('tells the scheduler how many mutants were near each entry, where it asks for that', () => {
    const seen: [number, number][] = [];
    const scheduler = {
      pick: () => 0,
      observed: (entry: number, mutants: number) => seen.push([entry, mutants]),
    };
    const { mutation } = stateOptions();
    const state = seededState({ mutation: { ...mutation, scheduler } });
    const task = handOut(state);
    expect(task.countsNeighbours).toBe(true);
    state.apply(resultOf(task, [], { neighbours: { entries: [0], mutants: [5] } }), NOTHING_CONFIRMED);
    expect(seen).toEqual([[0, 5]]);
    expect(handOut(seededState()).countsNeighbours).toBeUndefined();
  });

  test('refuses a result out of order, and changes nothing', () => {
    const state = seededState();
    handOut(state);
    const second = handOut(state);
    const before = JSON.stringify(state.save());
    expect(() => state.apply(resultOf(second), NOTHING_CONFIRMED)).toThrow(/task 2 is out of order: task 1/);
    expect(JSON.stringify(state.save())).toBe(before);
  });

  test('counts mutants, those that were lost, rejected draws and generated tokens', () => {
    const state = seededState();
    const task = handOut(state);
    state.apply(resultOf(task, [], { lost: 3, rejected: 5, generatedTokens: 7 }), NOTHING_CONFIRMED);
    expect([state.execs, state.lost, state.rejected, state.generatedTokens]).toEqual([task.mutants, 3, 5, 7]);
  });

  test('admits nothing beyond the largest corpus', () => {
    const { corpus } = stateOptions();
    const state = seededState({ corpus: { ...corpus, maxEntries: 2 } });
    const candidates = [4, 8, 12].map((activation) => ({ data: testcase(activation / 2), activation }));
    expect(state.apply(resultOf(handOut(state), candidates), NOTHING_CONFIRMED).entries).toHaveLength(1);
  });

  test('a full corpus is said so, asks workers for nothing that is new, and leaves the threshold as it is', () => {
    const { corpus } = stateOptions();
    const state = seededState({ corpus: { ...corpus, maxEntries: 2 } });
    const first = handOut(state);
    expect([state.isCorpusFull, first.threshold]).toEqual([false, 1]);
    state.apply(resultOf(first, [{ data: testcase(1), activation: 4 }]), NOTHING_CONFIRMED);
    expect(state.isCorpusFull).toBe(true);
    const task = handOut(state);
    expect(task.threshold).toBe(Number.MAX_VALUE);
    expect(
      distanceHistoryFilter(task.threshold).isNew(Float32Array.of(3e38), 0, Float32Array.of(-3e38)),
    ).toBe(false);
    // As many mutants without a new one would halve it.
    const { thresholdChange } = state.apply(resultOf(task, [], { mutants: 10_000 }), NOTHING_CONFIRMED);
    expect([thresholdChange, state.threshold]).toEqual([undefined, 1]);
  });

  test('leaves out a candidate that breaks a constraint, and says which', () => {
    const { mutation } = stateOptions();
    const state = seededState({ mutation: { ...mutation, limits: { linf: 1 } } });
    const task = handOut(state);
    const { entries, brokenConstraints } = state.apply(
      resultOf(task, [{ data: testcase(3), activation: 4 }]),
      NOTHING_CONFIRMED,
    );
    expect(entries).toEqual([]);
    expect(brokenConstraints).toHaveLength(1);
    expect(brokenConstraints[0]).toMatch(/L-infinity is 3, above 1/);
  });

  test('adapts the threshold: floods double it', () => {
    const { tasks } = stateOptions();
    const state = seededState({
      tasks: { ...tasks, batch: 40_000 },
    });
    const task = handOut(state);
    expect(task.mutants).toBe(10_000);
    const candidates = Array.from({ length: 101 }, (_, i) => ({
      data: testcase((i + 1) / 20),
      activation: 2 * (i + 1),
    }));
    const { thresholdChange, entries } = state.apply(resultOf(task, candidates), NOTHING_CONFIRMED);
    expect(entries.length).toBeGreaterThan(100);
    expect(thresholdChange?.threshold).toBe(2);
    expect(handOut(state).threshold).toBe(2);
  });

  test('disables an objective whose plug-in failed, once, and tells later tasks', () => {
    const state = seededState();
    const failure = { objective: 'nonfinite', message: 'it fails', data: testcase(1) };
    const [first, second] = [handOut(state), handOut(state)];
    const disabled = (task: Task) =>
      state.apply(resultOf(task, [], { disabledObjectives: [failure] }), NOTHING_CONFIRMED)
        .disabledObjectives;
    expect([disabled(first), disabled(second)]).toEqual([[failure], []]);
    expect(state.isJudging).toBe(false);
    expect(handOut(state).disabledObjectives).toEqual(['nonfinite']);
  });

  test('rewards the mutators of picks that led to an entry or a fault', () => {
    const state = seededState();
    const task = handOut(state);
    state.apply(resultOf(task, [{ data: testcase(1), activation: 4 }]), {
      newFaults: [{ signature: 'nonfinite-nan-log', pick: 0 }],
      saturatedSignatures: [],
      countedSignatures: [],
    });
    expect(state.mutatorStatistics).toEqual([
      expect.objectContaining({ mutator: 'gaussian', mutants: task.mutants, entries: 1, signatures: 1 }),
    ]);
  });

  test('tells later tasks of which signatures hits are only counted', () => {
    const state = seededState();
    const task = handOut(state);
    expect(task.saturatedSignatures).toEqual([]);
    state.apply(resultOf(task), {
      newFaults: [],
      saturatedSignatures: [],
      countedSignatures: ['nonfinite-nan-log'],
    });
    expect(handOut(state).saturatedSignatures).toEqual(['nonfinite-nan-log']);
  });
});

describe('hits', () => {
  test('come with the lineage of the pick that made them', () => {
    const state = seededState();
    const task = handOut(state);
    const { parent, ancestor, mutators, mutationCount } = state.originOf(hitOf(task));
    expect(parent.id).toBe(idOf(testcase(0)));
    expect(ancestor).toEqual(testcase(0));
    expect(mutators).toEqual(['x:gaussian']);
    expect(mutationCount).toBe(1);
  });

  test('are legal only within the constraints; asking changes nothing', () => {
    const { mutation } = stateOptions();
    const state = seededState({ mutation: { ...mutation, limits: { linf: 1 } } });
    const task = handOut(state);
    const before = JSON.stringify(state.save());
    const hits = [hitOf(task, testcase(1)), hitOf(task, testcase(5))];
    const legal = state.legalHits(resultOf(task, [], { hits }));
    expect(legal.hits).toEqual([hits[0]]);
    expect(legal.brokenConstraints).toHaveLength(1);
    expect(JSON.stringify(state.save())).toBe(before);
  });
});

describe('what a worker is given', () => {
  test('is an entry with its values, activations and label', () => {
    const { corpus } = stateOptions();
    const labels = new Map([[idOf(testcase(0)), 7]]);
    const state = seededState({ corpus: { ...corpus, labels } });
    expect(state.entryData(0)).toEqual({
      entryIndex: 0,
      ancestorIndex: 0,
      referenceIndex: 0,
      label: 7,
      data: testcase(0),
      activations: Float32Array.of(0),
    });
  });

  test('includes ancestors where constraints are measured from them', () => {
    const { mutation } = stateOptions();
    const entries = (limits: typeof mutation.limits) => {
      const state = seededState({ mutation: { ...mutation, limits } });
      const task = handOut(state);
      state.apply(resultOf(task, [{ data: testcase(1), activation: 4 }]), NOTHING_CONFIRMED);
      return state.requiredEntries({ ...task, parents: [1], partners: [-1] });
    };
    expect(entries({})).toEqual([1]);
    expect(entries({ linf: 5 })).toEqual([1, 0]);
  });
});

describe('a saved state', () => {
  /** Applies a few results, some of which lead to entries. */
  function advanced(state: FuzzerState, tasks: number): FuzzerState {
    for (let n = 0; n < tasks; n++) {
      if (!state.mustApply) handOut(state);
      const [task] = state.inFlight;
      const activation = 4 * task.number;
      state.apply(resultOf(task, [{ data: testcase(task.number / 100), activation }]), NOTHING_CONFIRMED);
      handOut(state);
    }
    return state;
  }

  /** A state with the entries of another. */
  function withEntriesOf(original: FuzzerState): FuzzerState {
    const state = new FuzzerState(stateOptions());
    for (let i = 0; i < original.corpus.size.count; i++) {
      const { id, parent, ancestor, reference, generation, outcome } = original.corpus.at(i);
      const { data, activations } = original.entryData(i);
      const record = { id, parent, ancestor, reference, generation, outcome };
      state.restoreEntry({ ...record, mutators: [], novelty: null, task: 0, data, activations });
    }
    return state;
  }

  test('goes on the same, tasks in flight included', () => {
    const original = advanced(seededState(), 5);
    const restored = withEntriesOf(original);
    restored.restore(JSON.parse(JSON.stringify(original.save())), true);
    expect(restored.inFlight).toEqual(original.inFlight);
    expect(JSON.stringify(advanced(restored, 5).save())).toBe(JSON.stringify(advanced(original, 5).save()));
  });

  test('drops tasks in flight where entries are missing: they name entries by index', () => {
    const original = advanced(seededState(), 5);
    const restored = withEntriesOf(original);
    restored.restore(original.save(), false);
    expect(restored.inFlight).toEqual([]);
    expect(restored.execs).toBe(original.execs);
    expect(handOut(restored).firstExec).toBe(original.execs);
  });

  test('keeps the keys of checkpoints on disk', () => {
    const saved = advanced(seededState(), 2).save();
    expect(Object.keys(saved).sort()).toEqual(
      ['choice', 'execs', 'lost', 'out', 'planned', 'rejected', 'scheduler', 'taken', 'threshold'].sort(),
    );
    expect(Object.keys(saved.out[0])).toEqual([
      'number',
      'execsBefore',
      'mutants',
      'parents',
      'mates',
      'chains',
      'saturated',
      'indexed',
      'threshold',
    ]);
  });
});

test('a task of another size teaches neither the choice of mutators nor the threshold', () => {
  const sizeChange = { dimension: 'x', places: [{ input: 0, axis: 0 }], lengthInputs: [], size: 3 };
  const { tasks } = stateOptions();
  const state = seededState({ tasks: { ...tasks, sizeChanges: [sizeChange] } });
  const task = handOut(state);
  expect(task.sizeChange).toEqual(sizeChange);
  const before = state.mutatorStatistics;
  const { entries, thresholdChange } = state.apply(resultOf(task), NOTHING_CONFIRMED);
  expect([entries, thresholdChange]).toEqual([[], undefined]);
  expect(state.mutatorStatistics).toEqual(before);
  expect(state.execs).toBe(task.mutants);
  expect(handOut(state).sizeChange).toBeUndefined();
});
