import { describe, expect, test } from '@jest/globals';
import { wholeTask } from '../../../../src/fuzzer/generation/mutant-generator.ts';
import { AscentSource } from '../../../../src/fuzzer/search/ascent/ascent-source.ts';
import type { GoalAssignment, SearchGoal } from '../../../../src/fuzzer/search/search-goal.ts';
import { TaskRunner } from '../../../../src/fuzzer/task-runner.ts';
import { BatchedModel } from '../../../../src/model/batched-model.ts';
import { NoGradientError } from '../../../../src/model/gradients/gradient.ts';
import type { TestcaseBatch } from '../../../../src/model/testcase-batch.ts';
import type { InputSlope } from '../../../../src/mutators/mutator.ts';
import type { Objective } from '../../../../src/objectives/objective.ts';
import type { Tensor } from '../../../../src/tensor/tensor.ts';
import {
  armOf,
  executionOf,
  FORM,
  rowFunctionModel,
  runnerOptions,
  SIZE,
  viewOf,
} from '../../../support/task-runner.ts';
import { taskOf, testcaseOf } from '../../../support/tasks.ts';

/** y = 2·x₀ − x₁, whose gradient is the same everywhere; the objective's margin is |y − 10| in doublings. */
const SLOPES = [2, -1, 0];
const GOAL: SearchGoal = { objective: 'limit', isTwoSided: false };
const LIMIT: Objective = {
  name: 'limit',
  judge: () => {},
  margins({ outputs: [{ data, size }] }, row, out) {
    out[0] = Math.log2(1 + Math.abs(Number(data[row * size]) - 10));
    return 1;
  },
};

function sourceOf(failure?: Error): { source: AscentSource; model: BatchedModel; upstreams: number[][] } {
  const upstreams: number[][] = [];
  const { model } = rowFunctionModel((x) => [2 * x[0] - x[1]]);
  const gradients = {
    gradient: async (_request: unknown, [{ shape: feedShape }]: readonly Tensor[]) => {
      if (failure !== undefined) throw failure;
      return {
        shape: [feedShape[0], 1],
        stops: [],
        differentiated: 1,
        onPath: 1,
        run: async ([{ shape }]: readonly Tensor[], { data }: Tensor) => {
          upstreams.push([...(data as Float32Array)]);
          const [rows] = shape;
          const values = Float32Array.from(
            { length: rows * SIZE },
            (_, i) => SLOPES[i % SIZE] * Number(data[Math.floor(i / SIZE)]),
          );
          return [{ type: 'float32' as const, shape: [rows, SIZE], data: values }];
        },
      };
    },
  };
  const differentiable = new BatchedModel({
    ...model.model,
    capabilities: { ...model.model.capabilities, gradients },
  });
  const options = runnerOptions({ model: differentiable, arms: [[]], goals: [GOAL], objectives: [LIMIT] });
  return { source: new AscentSource(options), model: differentiable, upstreams };
}

const goal = (subgoals: readonly number[]): GoalAssignment => ({
  goalIndex: 0,
  subgoals,
  slots: subgoals.map(() => 0),
  marginsToBeat: subgoals.map(() => 20),
  best: [20],
  ascends: true,
});

function slopesOf(parents: readonly number[], subgoals = parents.map(() => 0), failure?: Error) {
  const { source, model, upstreams } = sourceOf(failure);
  const view = viewOf(
    [
      [1, 2, 3],
      [4, 0, 0],
    ].map((values) => ({ data: { ...testcaseOf(values), form: FORM }, activations: Float32Array.of(0) })),
    undefined,
  );
  const task = taskOf(parents, { mutants: 8 * parents.length, goal: goal(subgoals) });
  const options = runnerOptions({ model, arms: [[]], goals: [GOAL], objectives: [LIMIT] });
  return source
    .slopesFor(executionOf(task, view, options), wholeTask(task))
    .then((slopes) => ({ ...slopes, upstreams }));
}

describe('slopes of a margin at the testcases that a task mutates', () => {
  test('point away from the violation, and forecast where it lies', async () => {
    const { slopes, refusal } = await slopesOf([0]);
    expect(refusal).toBeUndefined();
    const [input] = (slopes.get(0) ?? []) as readonly InputSlope[];
    const derivatives = [...(input?.derivatives ?? [])];
    // At (1, 2, 3) y is 0, ten below the violation: the margin falls as x₀ grows.
    expect(derivatives[0]).toBeLessThan(0);
    expect(derivatives[1]).toBeCloseTo(-derivatives[0] / 2, 4);
    expect(derivatives[2]).toBe(0);
    expect(input?.distance).toBeGreaterThan(0);
  });

  test('are computed once for picks with the same testcase and goal, in batches of a power of two', async () => {
    const { slopes, forwards, gradients, upstreams } = await slopesOf([0, 1, 0, 1]);
    expect([...slopes.keys()].sort()).toEqual([0, 1, 2, 3]);
    expect(slopes.get(0)).toBe(slopes.get(2));
    expect([forwards, gradients]).toEqual([2, 2]);
    expect(upstreams.map(({ length }) => length)).toEqual([2]);
  });

  test('are missing where the model has none, with the reason', async () => {
    const { slopes, refusal } = await slopesOf([0], [0], new NoGradientError('y', ['Mod (/Mod)']));
    expect(slopes.size).toBe(0);
    expect(refusal).toBe('no gradient through Mod (/Mod)');
  });

  test('are missing where the margin is unknown, which is no refusal', async () => {
    const { slopes, refusal, gradients } = await slopesOf([0], [5]);
    expect([slopes.size, refusal, gradients]).toEqual([0, undefined, 0]);
  });

  test('of a metamorphic objective go through its own change, and not that of another one', async () => {
    const changed: string[] = [];
    const transformOf = (name: string) => ({
      apply: (batch: TestcaseBatch): TestcaseBatch => {
        changed.push(name);
        return batch;
      },
    });
    const { model } = sourceOf();
    const objective: Objective = {
      ...LIMIT,
      change: ['gaussian'],
      marginSlope: () => ({
        distance: 1,
        tensors: new Map(),
        transformed: new Map([['y', Float32Array.of(1)]]),
      }),
    };
    const options = runnerOptions({ model, arms: [[]], goals: [GOAL], objectives: [objective] });
    const transforms = new Map([
      ['other', transformOf('other')],
      ['limit', transformOf('limit')],
    ]) as unknown as typeof options.transforms;
    const view = viewOf(
      [{ data: { ...testcaseOf([1, 2, 3]), form: FORM }, activations: Float32Array.of(0) }],
      undefined,
    );
    const task = taskOf([0], { mutants: 8, goal: goal([0]) });
    const { slopes } = await new AscentSource({ ...options, transforms }).slopesFor(
      executionOf(task, view, options),
      wholeTask(task),
    );
    const [input] = (slopes.get(0) ?? []) as readonly InputSlope[];
    expect([...input.derivatives]).toEqual(SLOPES);
    // Once for the run that is judged, and once for its gradient.
    expect(changed).toEqual(['limit', 'limit']);
  });
});

test('the gradient of a step is computed with its mutants, and not by a part of the task before it', async () => {
  const { model, upstreams } = sourceOf();
  const arm = armOf((parent, index) => [parent[0] + index, parent[1], parent[2]]);
  const options = runnerOptions({ model, arms: [[arm]], goals: [GOAL], objectives: [LIMIT] });
  const runner = new TaskRunner(options);
  const data = { ...testcaseOf([1, 2, 3]), form: FORM };
  const view = viewOf([{ data, activations: Float32Array.of(0) }], undefined);
  const task = taskOf([0, 0], { goal: goal([0, 0]), picksPerStep: 1 });
  const gradientsOf = async (run: () => Promise<unknown>): Promise<number> => {
    upstreams.length = 0;
    await run();
    return upstreams.length;
  };
  expect(await gradientsOf(() => runner.run(task, view, { from: 0, to: 8 }))).toBe(1);
  expect(await gradientsOf(() => runner.run(task, view, { from: 0, to: 9 }))).toBe(2);
  expect(await gradientsOf(() => runner.makeMutant(task, view, 8))).toBe(2);
});
