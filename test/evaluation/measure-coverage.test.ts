import { expect, test } from '@jest/globals';
import { type CoverageRequest, measureCoverage } from '../../src/evaluation/measure-coverage.ts';
import type { TestcaseData } from '../../src/inputs/testcase.ts';
import { BatchedModel } from '../../src/model/batched-model.ts';
import { functionModel } from '../support/function-model.ts';
import { testcaseOf } from '../support/tasks.ts';

/** y = x, which fails on a batch with a negative number. */
const model = functionModel(
  { inputs: [{ name: 'x', type: 'float32', shape: [null, 2] }], outputs: ['y'] },
  ([feed]) => {
    if (Array.from(feed.data, Number).some((value) => value < 0)) throw new Error('a negative number');
    return [{ ...feed, name: 'y' }];
  },
);

const sound = [testcaseOf([0, 0]), testcaseOf([1, 0])];
const failing = testcaseOf([-1, 0]);

function measure(sets: readonly (readonly TestcaseData[])[], reference: readonly TestcaseData[] = sound) {
  const request: CoverageRequest = {
    criteria: ['boundary:sigma=0'],
    tensors: ['y'],
    sets,
    reference,
    settings: { seed: '', varying: false },
    maxRows: 8,
  };
  return measureCoverage(new BatchedModel(model), request, () => {});
}

test('inputs that the model fails on are left out of test sets, which says how many, and of the reference', async () => {
  const beyond = testcaseOf([2, 0]);
  const clean = await measure([[...sound, beyond], sound]);
  const mixed = await measure([[...sound, failing, beyond], sound], [failing, ...sound]);
  expect(clean.criteria[0].sets.map(({ covered }) => covered)).toEqual([1, 0]);
  expect([clean.failed, mixed.failed]).toEqual([
    [0, 0],
    [1, 0],
  ]);
  expect(mixed.criteria).toEqual(clean.criteria);
  expect([clean.failedReference, mixed.failedReference]).toEqual([0, 1]);
});

test('a test set of which the model runs no input is refused', async () => {
  await expect(measure([[failing]])).rejects.toThrow('the model fails on every input of a test set');
});

test('a reference of which the model runs no input is refused', async () => {
  await expect(measure([sound], [failing])).rejects.toThrow(
    'the model fails on every input that coverage compares with',
  );
});
