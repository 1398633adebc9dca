import { describe, expect, test } from '@jest/globals';
import { PluginError } from '../../src/extensions/plugin-loader.ts';
import { BatchJudge } from '../../src/fuzzer/batch-judge.ts';
import { BatchRunner } from '../../src/fuzzer/batch-runner.ts';
import { MutantGenerator } from '../../src/fuzzer/generation/mutant-generator.ts';
import type { Task } from '../../src/fuzzer/scheduling/task.ts';
import type { SearchGoal } from '../../src/fuzzer/search/search-goal.ts';
import type { TaskRunnerOptions } from '../../src/fuzzer/task-runner.ts';
import { BatchedModel } from '../../src/model/batched-model.ts';
import type { InputSpec, NamedTensor } from '../../src/model/model.ts';
import type { Objective } from '../../src/objectives/objective.ts';
import { makeBuiltIn } from '../../src/objectives/registry.ts';
import type { Tensor } from '../../src/tensor/tensor.ts';
import { functionModel } from '../support/function-model.ts';
import {
  armOf,
  executionOf,
  objectiveOf,
  rowFunctionModel,
  runnerOptions,
  SIZE,
  valuesOf,
  viewOf,
} from '../support/task-runner.ts';
import { taskOf, testcaseOf } from '../support/tasks.ts';

const parent = { data: testcaseOf([0, 0, 0]), activations: new Float32Array(3) };

/** Judges the first batch of a task, rows `from` to `to`; its mutants are 1, 2, 3 and 4. */
function judge(objectives: readonly Objective[], from = 0, to = 4) {
  const { model } = rowFunctionModel((x) => x);
  const arms = [[armOf(([first, ...rest], index) => [first + index + 1, ...rest])]];
  return judgeWith(runnerOptions({ model, arms, objectives }), taskOf([0]), from, to);
}

async function judgeWith(options: TaskRunnerOptions, task: Task, from = 0, to = 4) {
  const generator = new MutantGenerator(options);
  const view = viewOf([parent], undefined);
  const execution = executionOf(task, view, options);
  generator.batches(task, view).next();
  const slice = { form: parent.data.form, first: 0, from, to };
  const run = await new BatchRunner(options, generator).run(slice, execution.goalTracker?.tensors);
  return { execution, judgement: await new BatchJudge(options, generator).judge(execution, slice, run) };
}

test('a mutant that the runtime fails is named after what fails without optimisation', async () => {
  const { model } = rowFunctionModel((x) => x);
  const failureOf = (node: string): Error => new Error(`running Add node. Name:'${node}' Status Message: no`);
  const seen: number[] = [];
  const run = async ([{ data }]: readonly Tensor[]): Promise<never> => {
    seen.push(Number(data[0]));
    throw failureOf('written');
  };
  const capabilities = { unoptimizedRun: { run } };
  const failing = new BatchedModel({ ...model.model, capabilities });
  const arms = [[armOf(([first, ...rest], index) => [first + index + 1, ...rest])]];
  const options = runnerOptions({ model: failing, arms, traces: true });
  const generator = new MutantGenerator(options);
  const view = viewOf([parent], undefined);
  const execution = executionOf(taskOf([0]), view, options);
  generator.batches(execution.task, view).next();
  const slice = { form: parent.data.form, first: 0, from: 2, to: 3 };
  const batchJudge = new BatchJudge(options, generator);
  await batchJudge.recordFailedRun(execution, slice, failureOf('fused'));
  expect(seen).toEqual([3]);
  expect(execution.hitCollector.hits).toMatchObject([
    {
      execs: 3,
      violation: { signature: 'crash-written', symptom: 'crash-fused' },
      batch: { rows: 1, row: 0 },
    },
  ]);
  // Of many alike a sample is traced, and all are counted.
  for (let n = 2; n <= 32; n++) await batchJudge.recordFailedRun(execution, slice, failureOf('fused'));
  expect(seen).toEqual([3, 3, 3]);
  expect(execution.hitCollector.counts()).toMatchObject([{ signature: 'crash-written', hits: 32 }]);
});

/** A model whose inner `q` is infinite where x is 3, and whose `layer` and output are finite. */
function absorbingModel(): BatchedModel {
  const x: InputSpec = { name: 'x', type: 'float32', shape: [null, SIZE] };
  const named = (name: string, shape: readonly number[], data: Float32Array): NamedTensor => ({
    name,
    type: 'float32',
    shape,
    data,
  });
  return new BatchedModel(
    functionModel({ inputs: [x], outputs: ['y'], watchable: ['q', 'layer', 'y'] }, ([{ shape, data }]) => {
      const values = data as Float32Array;
      return [
        named('x', shape, values),
        named(
          'q',
          shape,
          values.map((value) => 1 / (value - 3)),
        ),
        named(
          'layer',
          shape,
          values.map((value) => value + 1),
        ),
        named('y', shape, values),
      ];
    }),
  );
}

describe('what a numerical site makes', () => {
  const goal: SearchGoal = {
    site: 'q',
    hazardTarget: { tensor: 'x', hazard: { kind: 'at', bound: 3, unit: 1 } },
    results: ['q'],
  };
  const assignment = { goalIndex: 0, subgoals: [0], slots: [0], marginsToBeat: [9], best: [] };
  const signaturesOf = async (watched: readonly string[], task: Partial<Task>): Promise<string[]> => {
    const arms = [[armOf(([first, ...rest], index) => [first + index + 1, ...rest])]];
    const objectives = [makeBuiltIn('nonfinite')];
    const options = runnerOptions({ model: absorbingModel(), arms, objectives, goals: [goal], watched });
    const { execution } = await judgeWith(options, taskOf([0], task));
    return execution.hitCollector.hits.map(({ violation, execs }) => `${violation.signature} of ${execs}`);
  };

  test.each([[['y']], [['layer']], [['q']], [['layer', 'y']]])(
    'is judged alike where coverage watches %j',
    async (watched) =>
      expect(await signaturesOf(watched, { goal: assignment })).toEqual(['absorbed-inf-q of 3']),
  );

  test('is not seen by tasks for coverage, which expose nothing of it', async () =>
    expect(await signaturesOf(['y'], {})).toEqual([]));
});

describe('a judgement', () => {
  test('counts ties as hits, from whose rows the search goes on', async () => {
    const tie: Objective = {
      name: 'quantization',
      judge: ({ rows }, report) => {
        for (let row = 0; row < rows; row++) {
          const kind = row === 2 ? 'class' : 'tie';
          report(row, {
            objective: 'quantization',
            signature: `quantization-${kind}-y`,
            summary: '',
            tensors: [],
            details: {},
          });
        }
      },
    };
    const { judgement, execution } = await judge([tie]);
    expect([...judgement.violatingRows]).toEqual([2]);
    expect(execution.hitCollector.counts()).toEqual([
      { signature: 'quantization-tie-y', hits: 3 },
      { signature: 'quantization-class-y', hits: 1 },
    ]);
  });

  test('has the rows that break any objective, and the run as each one saw it', async () => {
    const [odd, three] = [objectiveOf('odd', ([y]) => y % 2 === 1), objectiveOf('three', ([y]) => y === 3)];
    const { judgement, execution } = await judge([odd, three], 1, 4);
    expect([...judgement.violatingRows]).toEqual([1]);
    expect(judgement.slices.get(odd)).toMatchObject([{ firstRow: 0, batch: { rows: 3 } }]);
    // Rows count from the first one that ran, mutants from the first one of the task.
    expect(execution.hitCollector.hits.map(({ execs, batch: { row } }) => [execs, row])).toEqual([
      [3, 1],
      [3, 1],
    ]);
  });

  test('is made without an objective whose plug-in fails; the others judge on', async () => {
    const failing = objectiveOf('failing', ([y]) => {
      if (y === 2) throw new PluginError('two');
      return true;
    });
    const { judgement, execution } = await judge([failing, objectiveOf('four', ([y]) => y === 4)]);
    expect([...judgement.violatingRows]).toEqual([3]);
    expect(judgement.slices.has(failing)).toBe(false);
    expect(execution.objectives.has(failing)).toBe(false);
    expect(execution.disabledObjectives.map(({ data }) => valuesOf(data)[0])).toEqual([2]);
  });
});
