import { HitCollector } from '../../src/fuzzer/hit-collector.ts';
import type { Arm } from '../../src/fuzzer/scheduling/mutator-arms.ts';
import type { CorpusEntryData, Task } from '../../src/fuzzer/scheduling/task.ts';
import { GoalTracker } from '../../src/fuzzer/search/goal-tracker.ts';
import { Trajectories } from '../../src/fuzzer/search/trajectories.ts';
import type { TaskExecution } from '../../src/fuzzer/task-execution.ts';
import type { CorpusView, TaskRunnerOptions } from '../../src/fuzzer/task-runner.ts';
import type { TestcaseData } from '../../src/inputs/testcase.ts';
import { BatchedModel } from '../../src/model/batched-model.ts';
import type { InputSpec } from '../../src/model/model.ts';
import { makeTestcaseInput, shapeSignatureOf } from '../../src/model/testcase-batch.ts';
import type { Objective, Violation } from '../../src/objectives/objective.ts';
import type { Tensor } from '../../src/tensor/tensor.ts';
import { functionModel } from './function-model.ts';
import { traitsOf } from './mutators.ts';

/** The input of models that are functions: three numbers. */
export const SIZE = 3;
const X: InputSpec = { name: 'x', type: 'float32', shape: [null, SIZE] };
export const FORM = shapeSignatureOf([makeTestcaseInput(X, [SIZE])]);

export function valuesOf({ inputs: [values] }: TestcaseData): number[] {
  return [...(values as Float32Array)];
}

/** A model that is a function of one row; its output y can be watched as well. It counts the rows of each run. */
export function rowFunctionModel(answer: (x: readonly number[]) => readonly number[]) {
  const runs: number[] = [];
  const run = async ([{ shape, data }]: readonly Tensor[], watched: readonly string[]) => {
    const [rows] = shape;
    runs.push(rows);
    const answers = Array.from({ length: rows }, (_, row) =>
      answer([...(data as Float32Array).subarray(row * SIZE, (row + 1) * SIZE)]),
    );
    const y = {
      name: 'y',
      type: 'float32' as const,
      shape: [rows, answers[0].length],
      data: Float32Array.from(answers.flat()),
    };
    return { outputs: [y], activations: watched.map((name) => ({ ...y, name })) };
  };
  const model = functionModel({ inputs: [X], outputs: ['y'], watchable: ['y'], run }, () => []);
  return { model: new BatchedModel(model), runs };
}

/** A mutator that is a function of the parent and of the mutant's index among those of its pick. */
export function armOf(mutant: (parent: readonly number[], index: number) => readonly number[]): Arm {
  return {
    confined: true,
    geometric: false,
    mutator: {
      mutate(out, offset, parent, { mutantIndex }) {
        mutant(Array.from(parent), mutantIndex).forEach((value, i) => {
          out[offset + i] = value;
        });
      },
    },
  };
}

/** An objective that some answers break. */
export function objectiveOf(
  name: string,
  isBroken: (y: readonly number[]) => boolean,
  rest: Partial<Objective> = {},
): Objective {
  return {
    name,
    judge({ rows, outputs: [{ data, size }] }, report) {
      for (let row = 0; row < rows; row++)
        if (isBroken([...(data as Float32Array).subarray(row * size, (row + 1) * size)]))
          report(row, violationOf(name));
    },
    ...rest,
  };
}

export function violationOf(signature: string): Violation {
  return { objective: signature, signature, summary: signature, tensors: ['y'], details: {} };
}

/** Parts of a task runner whose criterion compares y as it is. */
export function runnerOptions(
  options: Pick<TaskRunnerOptions, 'model' | 'arms'> & Partial<TaskRunnerOptions>,
): TaskRunnerOptions {
  return {
    descriptors: [traitsOf({ size: SIZE, range: { low: -1000, high: 1000 } })],
    limits: {},
    lengthChanges: undefined,
    masterSeed: 'test',
    batch: 4,
    objectives: [],
    transforms: new Map(),
    watched: ['y'],
    goals: [],
    varying: false,
    traces: false,
    criterion: {
      observe: ({ activations: [{ data }] }) => data as Float32Array,
      calibrate: (walk) => walk.length,
    },
    keep: 5,
    ...options,
  };
}

/** A view of a corpus. */
export function viewOf(
  entries: readonly {
    readonly data: TestcaseData;
    readonly activations: Float32Array;
    readonly label?: number;
  }[],
  history: CorpusView['history'],
): CorpusView {
  const view: readonly CorpusEntryData[] = entries.map((entry, entryIndex) => ({
    ...entry,
    entryIndex,
    ancestorIndex: entryIndex,
    referenceIndex: entryIndex,
  }));
  return { history, entryData: (entry) => view[entry] };
}

/** A task that has just begun. */
export function executionOf(task: Task, view: CorpusView, options: TaskRunnerOptions): TaskExecution {
  const { objectives, goals } = options;
  const goalTracker = task.goal && new GoalTracker(task.goal, goals, objectives, false, task.picksPerStep);
  return {
    task,
    view,
    seconds: { mutate: 0, model: 0, objectives: 0, coverage: 0 },
    hitCollector: new HitCollector(task, options.keep),
    seedHits: undefined,
    goalTracker,
    trajectories: new Trajectories(task, view.entryData, goalTracker),
    traced: new Map(),
    neighbours: undefined,
    candidates: [],
    ascent: { forwards: 0, gradients: 0, runs: 0, gradientSeconds: 0, seconds: 0 },
    objectives: new Set(objectives),
    disabledObjectives: [],
  };
}
