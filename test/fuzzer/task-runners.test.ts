import { expect, test } from '@jest/globals';
import { TaskRunners } from '../../src/fuzzer/task-runners.ts';
import { BatchedModel } from '../../src/model/batched-model.ts';
import { functionModel } from '../support/function-model.ts';
import { traitsOf } from '../support/mutators.ts';
import { armOf, objectiveOf, runnerOptions, viewOf } from '../support/task-runner.ts';
import { taskOf, testcaseOf } from '../support/tasks.ts';

/** A model of rows of any length, which answers how long they are. */
const model = new BatchedModel(
  functionModel(
    {
      inputs: [{ name: 'x', type: 'float32', shape: [null, null] }],
      outputs: ['y'],
      watchable: ['y'],
      run: async ([{ shape }], watched) => {
        const [rows, length] = shape;
        const y = {
          name: 'y',
          type: 'float32' as const,
          shape: [rows, 1],
          data: new Float32Array(rows).fill(length),
        };
        return { outputs: [y], activations: watched.map((name) => ({ ...y, name })) };
      },
    },
    () => [],
  ),
);

const change = (size: number) => ({
  dimension: 'x',
  places: [{ input: 0, axis: 0 }],
  lengthInputs: [],
  size,
});
const adding = armOf(([first, ...rest], index) => [first + index + 1, ...rest]);
const parent = { data: testcaseOf([0, 1, 2]), activations: Float32Array.of(3) };
const isOfOtherLength = objectiveOf('other', ([length]) => length !== 3);

test('a task of another size runs mutants of that size, judges them and keeps none', async () => {
  const options = runnerOptions({ model, arms: [[adding]], objectives: [isOfOtherLength] });
  const runners = new TaskRunners(options, { descriptors: [traitsOf({ size: 5 })] });
  for (const size of [5, 1]) {
    const task = taskOf([0], { sizeChange: change(size) });
    const { runner, view } = runners.forTask(task, viewOf([parent], undefined));
    const { hits, counts, candidates } = await runner.run(task, view);
    expect(candidates.count).toBe(0);
    expect(counts).toEqual([{ signature: 'other', hits: 8 }]);
    expect(hits.map(({ data }) => data.inputs[0].length)).toEqual(hits.map(() => size));
  }
  const usual = runners.forTask(taskOf([0]), viewOf([parent], undefined));
  expect((await usual.runner.run(taskOf([0]), usual.view)).counts).toEqual([]);
});
