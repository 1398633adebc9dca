import { describe, expect, test } from '@jest/globals';
import { CandidateCollector } from '../../../src/fuzzer/candidate-collector.ts';
import { MutantGenerator } from '../../../src/fuzzer/generation/mutant-generator.ts';
import { LazyObservations } from '../../../src/fuzzer/lazy-observations.ts';
import { ProgressRecorder } from '../../../src/fuzzer/search/progress-recorder.ts';
import type { Objective } from '../../../src/objectives/objective.ts';
import { runOf, tensorOf } from '../../support/observations.ts';
import {
  armOf,
  executionOf,
  FORM,
  objectiveOf,
  rowFunctionModel,
  runnerOptions,
  valuesOf,
  viewOf,
} from '../../support/task-runner.ts';
import { taskOf, testcaseOf } from '../../support/tasks.ts';

/** Records a batch of the mutants 1 to 4, whose margins are those given, for a goal whose best margin is 50. */
async function record(margins: readonly number[], rest: Partial<Objective> = {}, violating: number[] = []) {
  const objective = objectiveOf('goal', () => false, {
    margins: ({ outputs: [{ data }] }, row, out) => {
      out[0] = Number(data[row]);
      return 1;
    },
    ...rest,
  });
  const goal = { goalIndex: 0, subgoals: [0], slots: [0], marginsToBeat: [50], best: [50] };
  const options = runnerOptions({
    model: rowFunctionModel((x) => x).model,
    arms: [[armOf(([first, ...others], index) => [first + index + 1, ...others])]],
    objectives: [objective],
    goals: [{ objective: 'goal', isTwoSided: false }],
  });
  const generator = new MutantGenerator(options);
  const task = taskOf([0], { goal });
  const view = viewOf([{ data: testcaseOf([0, 0, 0]), activations: new Float32Array(1) }], undefined);
  const execution = executionOf(task, view, options);
  generator.batches(task, view).next();
  const outputs = [
    tensorOf(
      'y',
      margins.map((margin) => [margin]),
    ),
  ];
  const batch = { ...runOf(...outputs), outputs };
  const disabled: unknown[] = [];
  const { goalTracker } = execution;
  if (goalTracker === undefined) throw new Error('the task has a goal');
  await new ProgressRecorder(options.model, generator, new CandidateCollector(generator)).record(
    execution,
    goalTracker,
    {
      slice: { form: FORM, first: 0, from: 0, to: 4 },
      batches: [{ batch, firstRow: 0 }],
      observations: new LazyObservations(() => Float32Array.of(1, 2, Number.NaN, 4), 4),
      violatingRows: new Set(violating),
    },
    (objective, row, error) => void disabled.push([objective.name, row, (error as Error).message]),
  );
  const candidates = goalTracker.candidates.map(({ data }) => valuesOf(data)[0]);
  return { candidates, margins: goalTracker.progress(0).smallestMargins, disabled };
}

describe('progress toward a goal', () => {
  test('is the mutant with the smallest margin', async () => {
    expect(await record([40, 20, 60, 55])).toMatchObject({ candidates: [2], margins: [20] });
    expect(await record([60, 70, 80, 90])).toMatchObject({ candidates: [], margins: [60] });
  });

  test('leads on from no mutant that breaks an objective, or whose observation is not finite', async () => {
    expect(await record([40, 20, 10, 30], {}, [1])).toMatchObject({ candidates: [4], margins: [10] });
  });

  test('is by predicted margins where the objective can predict them', async () => {
    const asked: unknown[] = [];
    const predicted = await record([9, 9, 9, 9], {
      predictMargins: async (_model, { rows }, subgoals, toBeat) => {
        asked.push([rows, [...Array.from(subgoals)], [...Array.from(toBeat)]]);
        return Float64Array.of(45, 44, 43, 42);
      },
      margins: ({ predictedMargins }, row, out) => {
        out[0] = predictedMargins?.margins[row] ?? Number.POSITIVE_INFINITY;
        return 1;
      },
    });
    expect(asked).toEqual([[4, [0, 0, 0, 0], [50, 50, 50, 50]]]);
    expect(predicted).toMatchObject({ candidates: [4], margins: [42] });
  });

  test('of a plug-in that fails ends, and says at which row', async () => {
    const failing = await record([40, 20, 60, 30], {
      plugin: 'p.js',
      margins: () => {
        throw new Error('no');
      },
    });
    expect(failing).toMatchObject({ candidates: [], disabled: [['goal', 0, 'the plug-in p.js fails: no']] });
  });
});
