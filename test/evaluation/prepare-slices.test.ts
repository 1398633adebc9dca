import { describe, expect, test } from '@jest/globals';
import { prepareSlices, sliceBatch } from '../../src/evaluation/prepare-slices.ts';
import type { BatchedModel, BatchResult } from '../../src/model/batched-model.ts';
import { shapeSignatureOf, type TestcaseBatch } from '../../src/model/testcase-batch.ts';
import type { Objective } from '../../src/objectives/objective.ts';

const form = shapeSignatureOf([{ name: 'x', type: 'float32', shape: [1], size: 1 }]);
const testcases = (...values: number[]): TestcaseBatch => ({ form, inputs: [Float32Array.from(values)] });

const resultOf = (values: readonly number[]): BatchResult => {
  const data = Float32Array.from(values);
  return {
    rows: values.length,
    inputs: [{ name: 'x', type: 'float32', size: 1, shape: [1], data }],
    outputs: [{ name: 'y', type: 'float32', size: 1, shape: [1], data }],
    activations: [],
  };
};

/** Gives each value as it is; fails any batch with a negative one. */
const model = {
  maxBatchSize: 8,
  runThreaded: async () => undefined,
  async run({ inputs }: TestcaseBatch, rows: number): Promise<BatchResult> {
    const values = Array.from(inputs[0].subarray(0, rows), Number);
    if (values.some((value) => value < 0)) throw new Error('negative');
    return resultOf(values);
  },
} as unknown as BatchedModel;

const objective = (settings: Partial<Objective>): Objective => ({ name: 'o', judge: () => {}, ...settings });
const shownValues = (result: BatchResult | undefined): number[] | undefined =>
  result && Array.from(result.outputs[0].data, Number);

describe('prepareSlices', () => {
  test('is the whole batch for an objective that transforms nothing', async () => {
    const slices = await prepareSlices(objective({}), model, resultOf([1, 2]), {}, () => testcases(3, 4));
    expect(slices).toEqual([{ batch: resultOf([1, 2]), firstRow: 0 }]);
  });

  test('passes labels and durations to objectives that ask for them alone', async () => {
    const context = { labels: [7], time: { took: 2, usual: 1 } };
    const batchFor = async (settings: Partial<Objective>) =>
      (await prepareSlices(objective(settings), model, resultOf([1]), context, undefined))[0].batch;
    expect(await batchFor({})).not.toHaveProperty('labels');
    expect(await batchFor({ labelled: true })).toMatchObject({ labels: [7] });
    expect(await batchFor({ timed: true })).toMatchObject({ time: { took: 2, usual: 1 } });
  });

  test('halves transformed rows that the runtime fails until each failing one is alone', async () => {
    const slices = await prepareSlices(
      objective({ change: ['shift'] }),
      model,
      resultOf([1, 2, 3, 4]),
      {},
      () => testcases(10, 20, -1, 40),
    );
    expect(
      slices.map(({ batch, firstRow }) => [
        firstRow,
        shownValues(batch),
        shownValues(batch.transformed),
        batch.transformedError,
      ]),
    ).toEqual([
      [0, [1, 2], [10, 20], undefined],
      [2, [3], undefined, 'negative'],
      [3, [4], [40], undefined],
    ]);
  });
});

test('sliceBatch cuts labels, second outputs and transformed rows alike', () => {
  const whole = {
    ...resultOf([1, 2, 3]),
    labels: [4, 5, 6],
    secondOutputs: resultOf([7, 8, 9]).outputs,
    transformed: resultOf([10, 11, 12]),
  };
  const slice = sliceBatch(whole, 1, 3);
  expect(slice.rows).toBe(2);
  expect(slice.labels).toEqual([5, 6]);
  expect([...(slice.secondOutputs?.[0].data ?? [])]).toEqual([8, 9]);
  expect(shownValues(slice.transformed)).toEqual([11, 12]);
});
