import { expect, test } from '@jest/globals';
import { BatchRunner } from '../../src/fuzzer/batch-runner.ts';
import { MutantGenerator } from '../../src/fuzzer/generation/mutant-generator.ts';
import { armOf, FORM, objectiveOf, rowFunctionModel, runnerOptions } from '../support/task-runner.ts';

const make = (objectives = [objectiveOf('any', () => false)]) => {
  const { model, runs } = rowFunctionModel((x) => x);
  const options = runnerOptions({ model, arms: [[armOf((x) => x)]], objectives });
  return { runner: new BatchRunner(options, new MutantGenerator(options)), runs };
};
const slice = { form: FORM, first: 0, from: 0, to: 3 };

test('coverage and objectives see the tensors that they watch, and not those of a goal', async () => {
  const { runner } = make([objectiveOf('reads', () => false, { tensors: ['x', 'y', 'inner'] })]);
  const { result, whole } = await runner.run(slice, ['site', 'y']);
  expect(result.rows).toBe(3);
  // Inputs and outputs need no watching for an objective; y is watched for coverage.
  expect(result.activations.map(({ name }) => name)).toEqual(['y', 'inner']);
  expect(whole.activations.map(({ name }) => name)).toEqual(['y', 'inner', 'site']);
});

test('runs are timed for objectives that need it, one row at a time; the usual time is that of the shape', async () => {
  const { runner, runs } = make([objectiveOf('slow', () => false, { timed: true })]);
  const row = { ...slice, to: 1 };
  const first = await runner.run(row);
  expect(first.time).toMatchObject({ took: expect.any(Number), usual: Number.POSITIVE_INFINITY });
  for (let i = 0; i < 6; i++) await runner.run(row);
  const eighth = await runner.run(row);
  expect(eighth.time?.usual).toBeLessThan(1);
  expect((await runner.run(slice)).time).toBeUndefined();
  expect(runs.at(-1)).toBe(3);
  expect((await make().runner.run(row)).time).toBeUndefined();
});
