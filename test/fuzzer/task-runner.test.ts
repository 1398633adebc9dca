import { describe, expect, test } from '@jest/globals';
import { distanceFeedback } from '../../src/coverage/feedback/distance-feedback.ts';
import { setFeedback } from '../../src/coverage/feedback/set-feedback.ts';
import { PluginError } from '../../src/extensions/plugin-loader.ts';
import { unpackTestcase } from '../../src/fuzzer/packed-testcases.ts';
import type { TaskResult } from '../../src/fuzzer/scheduling/task.ts';
import { MUTANTS_PER_PICK } from '../../src/fuzzer/scheduling/task-sizes.ts';
import { TaskRunner } from '../../src/fuzzer/task-runner.ts';
import type { Objective } from '../../src/objectives/objective.ts';
import {
  armOf,
  objectiveOf,
  rowFunctionModel,
  runnerOptions,
  valuesOf,
  viewOf,
  violationOf,
} from '../support/task-runner.ts';
import { taskOf, testcaseOf } from '../support/tasks.ts';

/** The first value of every candidate. */
const candidatesOf = ({ candidates }: TaskResult): number[] =>
  Array.from({ length: candidates.count }, (_, i) => valuesOf(unpackTestcase(candidates, i).data)[0]);

/** y is x; the mutants of a pick are its parent with 1, 2, … added to the first value. */
const identity = (x: readonly number[]) => x;
const adding = armOf(([first, ...rest], index) => [first + index + 1, ...rest]);
const parent = { data: testcaseOf([0, 0, 0]), activations: Float32Array.of(0, 0, 0) };

const knowing = (...observations: number[][]) => {
  const history = distanceFeedback.openHistory(3);
  for (const observation of observations) history.add(Float32Array.from(observation));
  return history;
};

const make = (options: Partial<Parameters<typeof runnerOptions>[0]> = {}) => {
  const { model, runs } = rowFunctionModel(identity);
  return { runner: new TaskRunner(runnerOptions({ model, arms: [[adding]], ...options })), runs };
};

describe('what a task sends back', () => {
  test('are the mutants that are new to the history, to their parent and to one another', async () => {
    const { runner, runs } = make();
    // New are those further than 2 from 0, from 20 and from one another: 3 and 6, since 5 is within 2 of 3.
    const result = await runner.run(
      taskOf([0], { threshold: 4 }),
      viewOf([parent], knowing([0, 0, 0], [7, 0, 0])),
    );
    expect(candidatesOf(result)).toEqual([3]);
    const free = await runner.run(taskOf([0], { threshold: 4 }), viewOf([parent], knowing([0, 0, 0])));
    expect(candidatesOf(free)).toEqual([3, 6]);
    expect(free.candidates.picks).toEqual([0, 0]);
    expect([...free.candidates.activations]).toEqual([3, 0, 0, 6, 0, 0]);
    expect(runs.every((rows) => rows <= 4)).toBe(true);
  });

  test('are by a set those with an element that nothing before them has', async () => {
    const criterion = {
      observe: ({
        rows,
        activations: [{ data }],
      }: {
        rows: number;
        activations: readonly { data: ArrayLike<unknown> }[];
      }) =>
        Float32Array.from({ length: 3 * rows }, (_, i) =>
          Number(data[i - (i % 3)]) > [0, 2, 5][i % 3] ? 1 : 0,
        ),
      calibrate: () => undefined,
    };
    const { runner } = make({ criterion });
    const history = setFeedback.openHistory(3);
    history.add(Float32Array.of(1, 0, 0));
    expect(candidatesOf(await runner.run(taskOf([0]), viewOf([parent], history)))).toEqual([3, 6]);
  });

  test('is nothing without guidance, and none that is not finite', async () => {
    const { runner } = make();
    expect(candidatesOf(await runner.run(taskOf([0]), viewOf([parent], undefined)))).toEqual([]);
    const { model } = rowFunctionModel(([x]) => [x > 2 ? Number.NaN : x, 0, 0]);
    const broken = make({ model }).runner;
    expect(candidatesOf(await broken.run(taskOf([0]), viewOf([parent], knowing())))).toEqual([1, 2]);
  });

  test('are the counts of mutants by the nearest entry, where the task asks for them', async () => {
    const history = knowing([0, 0, 0], [7, 0, 0]);
    const { runner } = make({ objectives: [objectiveOf('large', ([y]) => y === 6)] });
    const task = taskOf([0], { threshold: 4 });
    expect((await runner.run(task, viewOf([parent], history))).neighbours).toBeUndefined();
    const { neighbours } = await runner.run({ ...task, countsNeighbours: true }, viewOf([parent], history));
    // 1 to 3 lie nearer to 0, and 4 to 8 nearer to 7; 6 violates an objective and counts all the same.
    expect(neighbours).toEqual({ entries: [0, 1], mutants: [3, 5] });
  });

  test('depends on the task alone, whatever part of it is run where', async () => {
    const noisy = armOf(([first, ...rest], index) => [first * 2 + index, ...rest]);
    const view = viewOf([{ ...parent, data: testcaseOf([5, 0, 0]) }, parent], knowing());
    const task = taskOf([0, 1, 0], { threshold: 0.5 });
    const { seconds: _seconds, ...whole } = await make({ arms: [[noisy]] }).runner.run(task, view);
    const { seconds: _others, ...again } = await make({ arms: [[noisy]] }).runner.run(task, view);
    expect(again).toEqual(whole);
    const half = await make({ arms: [[noisy]] }).runner.run(task, view, {
      from: MUTANTS_PER_PICK,
      to: task.mutants,
    });
    expect(candidatesOf(half)).toEqual([1, 2, 3, 4, 5, 6, 7, 10, 11, 12, 13, 14, 15, 16, 17]);
    const mutant = await make({ arms: [[noisy]] }).runner.makeMutant(task, view, MUTANTS_PER_PICK + 2);
    expect(mutant.pick).toBe(1);
    expect(valuesOf(mutant.data)).toEqual([2, 0, 0]);
  });
});

describe('a mutant that violates an objective', () => {
  test('is a hit with its number, its batch and its row there, and no candidate', async () => {
    const objectives = [objectiveOf('large', ([y]) => y === 6)];
    const { runner } = make({ objectives });
    const result = await runner.run(taskOf([0], { firstExec: 100 }), viewOf([parent], knowing()));
    expect(result.counts).toEqual([{ signature: 'large', hits: 1 }]);
    const [hit] = result.hits;
    expect(hit).toMatchObject({ pick: 0, execs: 106, violation: violationOf('large') });
    expect(valuesOf(hit.data)).toEqual([6, 0, 0]);
    // In batches of four the sixth mutant is row 1 of the second one.
    expect(hit.batch).toMatchObject({ rows: 4, row: 1 });
    expect(valuesOf(hit.batch.data)).toEqual([5, 0, 0, 6, 0, 0, 7, 0, 0, 8, 0, 0]);
    expect(candidatesOf(result)).not.toContain(6);
  });

  test('is kept a few times a signature, counted always, and only counted once its signature is saturated', async () => {
    const objectives = [objectiveOf('large', ([y]) => y > 2)];
    const { runner } = make({ objectives, keep: 2 });
    const view = viewOf([parent], undefined);
    const result = await runner.run(taskOf([0]), view);
    expect([result.hits.length, result.counts]).toEqual([
      2,
      [{ signature: 'large', hits: MUTANTS_PER_PICK - 2 }],
    ]);
    const saturated = await runner.run(taskOf([0], { saturatedSignatures: ['large'] }), view);
    expect([saturated.hits.length, saturated.counts]).toEqual([0, result.counts]);
  });

  test('carries the label of its seed where its objective asks for it', async () => {
    const labels: unknown[] = [];
    const labelled = objectiveOf('labelled', ([y]) => y === 1, { labelled: true });
    const objectives: Objective[] = [
      {
        ...labelled,
        judge(run, report) {
          labels.push(run.labels);
          labelled.judge(run, report);
        },
      },
    ];
    const { runner } = make({ objectives });
    const { hits } = await runner.run(taskOf([0]), viewOf([{ ...parent, label: 7 }], undefined));
    expect(hits.map(({ label }) => label)).toEqual([7]);
    expect(labels[0]).toEqual(Int32Array.of(7, 7, 7, 7));
  });
});

describe('what fails', () => {
  test('is a crash of the mutants that the runtime fails, found by halving; the others count as ever', async () => {
    const { model, runs } = rowFunctionModel((x) => {
      if (x[0] === 3) throw new Error('integer division by zero');
      return x;
    });
    const { runner } = make({ model, objectives: [objectiveOf('large', ([y]) => y === 4)] });
    const result = await runner.run(taskOf([0]), viewOf([parent], knowing()));
    expect(result.counts).toEqual([
      { signature: 'crash-integer_division_by_zero', hits: 1 },
      { signature: 'large', hits: 1 },
    ]);
    expect(result.hits.map(({ execs, batch: { rows } }) => [execs, rows])).toEqual([
      [3, 1],
      [4, 1],
    ]);
    expect(candidatesOf(result)).toEqual(
      Array.from({ length: MUTANTS_PER_PICK }, (_, i) => i + 1).filter((x) => x !== 3 && x !== 4),
    );
    expect(runs.slice(0, 5)).toEqual([4, 2, 2, 1, 1]);
  });

  test('in a plug-in ends its objective with the testcase that it fails on, and not the task', async () => {
    const plugin = objectiveOf('plugin', ([y]) => {
      if (y === 6) throw new PluginError('the plug-in p.js fails: six');
      return y === 5;
    });
    const { runner } = make({ objectives: [plugin, objectiveOf('large', ([y]) => y > 6)] });
    const result = await runner.run(taskOf([0]), viewOf([parent], undefined));
    expect(result.disabledObjectives).toMatchObject([
      { objective: 'plugin', message: 'the plug-in p.js fails: six' },
    ]);
    expect(valuesOf(result.disabledObjectives?.[0].data ?? testcaseOf([]))).toEqual([6, 0, 0]);
    // Nothing that it reported of the batch counts; the other objective goes on judging.
    expect(result.counts).toEqual([{ signature: 'large', hits: MUTANTS_PER_PICK - 6 }]);
    const later = await runner.run(
      taskOf([0], { disabledObjectives: ['plugin'] }),
      viewOf([parent], undefined),
    );
    expect(later.disabledObjectives).toBeUndefined();
  });

  test('in an objective of ours is thrown', async () => {
    const objectives = [
      objectiveOf('bug', () => {
        throw new TypeError('a bug');
      }),
    ];
    await expect(make({ objectives }).runner.run(taskOf([0]), viewOf([parent], undefined))).rejects.toThrow(
      'a bug',
    );
  });
});

describe('a task with a goal', () => {
  const objective = objectiveOf('near', () => false, {
    margins: ({ outputs: [{ data, size }] }, row, out) => {
      out[0] = Math.abs(100 - Number(data[row * size]));
      return 1;
    },
  });
  const goal = {
    goalIndex: 0,
    subgoals: [0, 0],
    slots: [0, 0],
    marginsToBeat: [100, 100],
    best: [100],
  };
  const options = { objectives: [objective], goals: [{ objective: 'near', isTwoSided: false }] };
  const { model } = rowFunctionModel(identity);

  test('sends back what comes nearest, although it is not new', async () => {
    const history = { filter: () => ({ isNew: () => false, accept() {} }) };
    const { runner } = make({ ...options, model });
    const result = await runner.run(taskOf([0], { goal }), viewOf([parent], history));
    expect(candidatesOf(result)).toEqual([MUTANTS_PER_PICK]);
    expect(result.progress).toEqual({
      subgoalCount: 1,
      improvements: [{ candidate: 0, pick: 0, subgoal: 0, margin: 100 - MUTANTS_PER_PICK }],
      smallestMargins: [100 - MUTANTS_PER_PICK],
    });
  });

  test('in steps mutates what the step before came nearest by, with its path', async () => {
    const { runner } = make({ ...options, model });
    const task = taskOf([0, 0], { goal, picksPerStep: 1 });
    const result = await runner.run(task, viewOf([parent], undefined));
    expect(candidatesOf(result)).toEqual([2 * MUTANTS_PER_PICK]);
    expect(result.candidates.paths).toEqual([[0, 1]]);
    // The mutant of a later step is made by running the ones before it.
    const mutant = await runner.makeMutant(task, viewOf([parent], undefined), MUTANTS_PER_PICK);
    expect(valuesOf(mutant.data)).toEqual([MUTANTS_PER_PICK + 1, 0, 0]);
  });
});

describe('objectives that break seeds', () => {
  const wrong = objectiveOf('wrong', ([y]) => y >= 5, { breaksSeed: () => true });
  const child = { data: testcaseOf([3, 0, 0]), activations: Float32Array.of(3, 0, 0) };
  const view = () => {
    const seeds = viewOf([parent, child], undefined);
    return { ...seeds, entryData: (entry: number) => ({ ...seeds.entryData(entry), ancestorIndex: 0 }) };
  };

  test('say at which mutant of its seed the first violation was, and how near to it', async () => {
    const { runner } = make({ objectives: [wrong] });
    const { seedHits } = await runner.run(taskOf([0, 1]), view());
    expect(seedHits).toEqual([{ objective: 'wrong', seed: 0, query: 5, linf: 5, l2: 5, l0: 1 }]);
    expect((await runner.run(taskOf([0], { mutants: 4 }), view())).seedHits).toBeUndefined();
  });

  test('say the same of a part of a task', async () => {
    const { runner } = make({ objectives: [wrong] });
    const { seedHits } = await runner.run(taskOf([0, 1]), view(), { from: 6, to: 16 });
    expect(seedHits).toMatchObject([{ query: 7, linf: 5 }]);
  });

  test('mutants stay within the radius that a pick has', async () => {
    const { runner } = make({ objectives: [wrong], radiusNorm: 'linf' });
    const { seedHits } = await runner.run(taskOf([0, 1], { radii: [4.5, 5.5] }), view());
    expect(seedHits).toMatchObject([{ query: 10, linf: 5 }]);
  });
});
