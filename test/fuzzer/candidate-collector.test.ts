import { expect, test } from '@jest/globals';
import { CandidateCollector } from '../../src/fuzzer/candidate-collector.ts';
import { MutantGenerator } from '../../src/fuzzer/generation/mutant-generator.ts';
import { LazyObservations } from '../../src/fuzzer/lazy-observations.ts';
import { runOf, tensorOf } from '../support/observations.ts';
import {
  armOf,
  executionOf,
  FORM,
  rowFunctionModel,
  runnerOptions,
  valuesOf,
  viewOf,
} from '../support/task-runner.ts';
import { taskOf, testcaseOf } from '../support/tasks.ts';

test('new mutants become candidates with their class; the filter is asked about no violation and hears of each candidate', () => {
  const arms = [[armOf(([first, ...rest], index) => [first + index + 1, ...rest])]];
  const options = runnerOptions({ model: rowFunctionModel((x) => x).model, arms });
  const generator = new MutantGenerator(options);
  const task = taskOf([0]);
  const view = viewOf([{ data: testcaseOf([7, 0, 0]), activations: Float32Array.of(70) }], undefined);
  const execution = executionOf(task, view, options);
  generator.batches(task, view).next();
  const rows = [
    [0, 9],
    [9, 0],
    [0, 9],
    [9, 0],
  ];
  const result = { ...runOf(tensorOf('y', rows)), outputs: [tensorOf('y', rows)] };
  const asked: unknown[] = [];
  const accepted: Float32Array[] = [];
  const filter = {
    isNew: (_: Float32Array, row: number, parent: Float32Array) => asked.push([row, parent[0]]) !== 1,
    accept: (observation: Float32Array) => void accepted.push(observation),
  };
  const observations = new LazyObservations(() => Float32Array.of(10, 20, 30, 40), 4);
  const slice = { form: FORM, first: 0, from: 0, to: 4 };
  new CandidateCollector(generator).collectNew(execution, filter, slice, result, observations, new Set([2]));
  expect(asked).toEqual([
    [0, 70],
    [1, 70],
    [3, 70],
  ]);
  expect(
    execution.candidates.map(({ data, activations, predictedClass, pick }) => [
      valuesOf(data)[0],
      activations[0],
      predictedClass,
      pick,
    ]),
  ).toEqual([
    [9, 20, 0, 0],
    [11, 40, 0, 0],
  ]);
  expect(accepted).toEqual(execution.candidates.map(({ activations }) => activations));
});
