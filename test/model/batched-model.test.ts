import { describe, expect, test } from '@jest/globals';
import { UserError } from '../../src/core/errors.ts';
import { BatchedModel, sliceResult } from '../../src/model/batched-model.ts';
import type { InputSpec } from '../../src/model/model.ts';
import { makeTestcaseInput, packBatch, shapeSignatureOf } from '../../src/model/testcase-batch.ts';
import type { Tensor } from '../../src/tensor/tensor.ts';
import { functionModel } from '../support/function-model.ts';

const input = (...shape: (number | null)[]): InputSpec => ({ name: 'x', type: 'float32', shape });
const form = shapeSignatureOf([makeTestcaseInput(input(null, 2), [2])]);
const batch = packBatch([1, 3, 5].map((value) => ({ form, inputs: [Float32Array.of(value, value + 1)] })));

/** Gives the sums of rows as `sum` `[rows]`, and as `total` one number for the whole batch. */
const sums = ([{ data, shape }]: readonly Tensor[]) => {
  const rows = shape.length === 2 ? shape[0] : 1;
  const sum = Float32Array.from(
    { length: rows },
    (_, row) => Number(data[2 * row]) + Number(data[2 * row + 1]),
  );
  return [
    { name: 'sum', type: 'float32' as const, shape: [rows], data: sum },
    {
      name: 'total',
      type: 'float32' as const,
      shape: [1],
      data: Float32Array.of(sum.reduce((all, value) => all + value)),
    },
  ];
};
const model = functionModel(
  { inputs: [input(null, 2)], outputs: ['sum'], watchable: ['sum', 'total'] },
  sums,
);

describe('a batched model', () => {
  test('gives a row of each tensor for each testcase', async () => {
    const result = await new BatchedModel(model).run(batch, 2, ['sum']);
    expect(result.rows).toBe(2);
    expect(result.inputs[0].data).toEqual(Float32Array.of(1, 2, 3, 4));
    expect(result.outputs).toEqual([
      { name: 'sum', type: 'float32', size: 1, shape: [], data: Float32Array.of(3, 7) },
    ]);
    expect(result.activations[0].data).toEqual(Float32Array.of(3, 7));
  });

  test('refuses tensors without a row for each testcase, and names them', async () => {
    const batched = new BatchedModel(model);
    await expect(batched.run(batch, 2, ['total'])).rejects.toThrow('tensor total is 1 for a batch of 2');
    expect(await batched.findUnbatchedTensors(batch, ['sum', 'total'])).toEqual(['total']);
    expect(await batched.findWatchableTensors(batch, ['total', 'missing', 'sum'])).toEqual(['sum']);
  });

  test('runs one row at a time if the batch dimension is not honoured', async () => {
    const batched = new BatchedModel(model);
    expect(batched.maxBatchSize).toBe(Number.POSITIVE_INFINITY);
    expect(await batched.probe(batch, ['sum'])).toBeUndefined();
    expect(await batched.probe(batch, ['total'])).toMatch(/one testcase a run .*total is 1 for a batch of 2/);
    expect(batched.maxBatchSize).toBe(1);
  });

  test('refuses a model that fails on the first testcase', async () => {
    const failing = functionModel({ inputs: [input(null, 2)], outputs: ['y'] }, () => {
      throw new Error('kernel failed');
    });
    const probe = new BatchedModel(failing).probe(batch, []);
    await expect(probe).rejects.toThrow(UserError);
    await expect(probe).rejects.toThrow('function fails on the first seed: kernel failed');
  });

  test('takes a testcase as the whole input if there is no batch dimension', async () => {
    const whole = new BatchedModel(functionModel({ inputs: [input(2)], outputs: ['sum'] }, sums));
    expect(whole.maxBatchSize).toBe(1);
    const { outputs } = await whole.run(batch, 1, []);
    expect(outputs[0]).toMatchObject({ shape: [1], data: Float32Array.of(3) });
  });

  test('prefills language models only', async () => {
    await expect(new BatchedModel(model).prefill(batch, 1, [])).rejects.toThrow('does not generate text');
  });
});

test('a slice of a result has its rows, and no prefilled prompts', async () => {
  const result = await new BatchedModel(model).run(batch, 3, []);
  const prefilled = { scoreContinuations: async () => new Float64Array(3) };
  const slice = sliceResult({ ...result, prefilled }, 1, 3);
  expect(slice.rows).toBe(2);
  expect(slice.inputs[0].data).toEqual(Float32Array.of(3, 4, 5, 6));
  expect(slice.outputs[0].data).toEqual(Float32Array.of(7, 11));
  expect(slice).not.toHaveProperty('prefilled');
});
