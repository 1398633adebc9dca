import { describe, expect, test } from '@jest/globals';
import { UserError } from '../../src/core/errors.ts';
import { BatchedModel, sliceResult } from '../../src/model/batched-model.ts';
import { OnnxBuilder } from '../../src/model/formats/onnx/builder.ts';
import type { InputSpec } from '../../src/model/model.ts';
import { makeTestcaseInput, packBatch, shapeSignatureOf } from '../../src/model/testcase-batch.ts';
import type { Tensor } from '../../src/tensor/tensor.ts';
import { branch, countdownLoop, integer, loadBuilt, scalar } from '../support/control-flow.ts';
import { testFolder } from '../support/folder.ts';
import { functionModel } from '../support/function-model.ts';

const folder = testFolder();

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
    expect((await batched.probe(batch, ['sum'])).batchLimitReason).toBeUndefined();
    expect((await batched.probe(batch, ['total'])).batchLimitReason).toMatch(
      /each run of the model has one testcase .*total is 1 for a batch of 2/,
    );
    expect(batched.maxBatchSize).toBe(1);
  });

  test('refuses a model that fails on the first testcase', async () => {
    const failing = functionModel({ inputs: [input(null, 2)], outputs: ['y'] }, () => {
      throw new Error('kernel failed');
    });
    const probe = new BatchedModel(failing).probe(batch, []);
    await expect(probe).rejects.toThrow(UserError);
    await expect(probe).rejects.toThrow(
      'function fails on the first seed: kernel failed; set --seeds to valid inputs, or --shape to other sizes',
    );
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

describe('tensors of bodies', () => {
  /** A Loop of three iterations, each of which gives its state one more column; behind them `y`, the sums of rows. */
  function growingLoop(): OnnxBuilder {
    const graph = new OnnxBuilder();
    graph.input('x', 'float32', ['batch', 2]);
    const body = new OnnxBuilder();
    body.input('i', 'int64', []);
    body.input('go', 'bool', []);
    body.input('state', 'float32', ['batch', 'columns']);
    body.node('Identity', ['go'], 'go_on');
    body.node('Concat', ['state', 'x'], 'longer', { axis: 1 });
    body.output('go_on', 'bool', []);
    body.output('longer', 'float32', ['batch', 'more_columns']);
    const always = graph.constant('always', 'bool', [], Uint8Array.of(1));
    graph.node('Loop', [integer(graph, 'trips', 3), always, 'x'], 'looped', { body });
    graph.node('ReduceSum', ['looped', graph.constant('last', 'int64', [1], BigInt64Array.of(1n))], 'y', {
      keepdims: 0,
    });
    graph.output('y', 'float32', ['batch']);
    return graph;
  }

  test('come without values where the iterations are of several shapes, and are not found to be watchable', async () => {
    const growing = await loadBuilt(folder, 'growing', growingLoop());
    const batched = new BatchedModel(growing);
    const { outputs, activations } = await batched.run(batch, 2, ['looped', 'longer']);
    expect(outputs[0].data).toEqual(Float32Array.of(12, 28));
    expect(activations).toMatchObject([
      { name: 'looped', size: 8 },
      { name: 'longer', size: 0 },
    ]);
    expect(await batched.findWatchableTensors(batch, ['looped', 'longer'])).toEqual(['looped']);
    await growing.dispose();
  });

  test('have a row for each testcase, and are watchable in a branch that the testcase does not take', async () => {
    const loop = await loadBuilt(folder, 'countdown', countdownLoop(2, 3));
    const batched = new BatchedModel(loop);
    const { activations } = await batched.run(batch, 2, ['quotient']);
    expect(activations[0]).toMatchObject({ size: 4, shape: [2, 2] });
    expect([...activations[0].data].map(Number)).toEqual(
      [1, 2, 1 / 2, 1, 3, 4, 3 / 2, 2].map((value) => expect.closeTo(value / 3, 6)),
    );
    // What has no rows is not.
    expect(await batched.findWatchableTensors(batch, ['quotient', 'left'])).toEqual(['quotient']);
    await loop.dispose();
    const graph = new OnnxBuilder();
    graph.input('x', 'float32', ['batch', 2]);
    graph.node('ReduceSum', ['x'], 'sum', { keepdims: 0 });
    graph.node('Greater', ['sum', scalar(graph, 'zero', 0)], 'positive');
    graph.node('If', ['positive'], 'y', {
      then_branch: branch('Abs', ['x'], 'kept'),
      else_branch: branch('Neg', ['x'], 'turned'),
    });
    graph.output('y', 'float32', ['batch', 2]);
    const choosing = await loadBuilt(folder, 'choosing', graph);
    const chosen = new BatchedModel(choosing);
    expect(await chosen.findWatchableTensors(batch, ['kept', 'turned'])).toEqual(['kept', 'turned']);
    expect((await chosen.run(batch, 2, ['kept', 'turned'])).activations.map(({ size }) => size)).toEqual([
      2, 0,
    ]);
    await choosing.dispose();
  });
});

describe('a batch that is not the first dimension', () => {
  const named = (name: string, shape: (number | null)[], dimensions: (string | null)[]): InputSpec => ({
    name,
    type: 'float32',
    shape,
    dimensions,
  });
  const x = named('x', [null, 2], ['batch', null]);
  const state = named('h', [2, null, 2], [null, 'batch', null]);
  /** Gives h + 100 as the next state, `[2, batch, 2]`. */
  const next = functionModel({ inputs: [x, state], outputs: ['hn'] }, ([, h]) => [
    {
      name: 'hn',
      type: 'float32',
      shape: h.shape,
      data: Float32Array.from(h.data as Float32Array, (v) => v + 100),
    },
  ]);
  const declared = { ...next, graph: { ...next.graph, shapes: new Map([['hn', [2, 'batch', 2]]]) } };
  const rowForm = shapeSignatureOf([makeTestcaseInput(x, [2]), makeTestcaseInput(state, [2, 2])]);
  const rowsOfState = packBatch(
    [0, 10, 20].map((start) => ({
      form: rowForm,
      inputs: [Float32Array.of(0, 0), Float32Array.of(start, start + 1, start + 2, start + 3)],
    })),
  );

  test('is where rows are put into inputs and taken out of outputs', async () => {
    const batched = new BatchedModel(declared);
    const [, feed] = batched.feeds(rowsOfState, 3);
    expect(feed.shape).toEqual([2, 3, 2]);
    expect([...feed.data]).toEqual([0, 1, 10, 11, 20, 21, 2, 3, 12, 13, 22, 23]);
    const { outputs } = await batched.run(rowsOfState, 3, []);
    expect(outputs[0]).toMatchObject({ size: 4, shape: [2, 2] });
    expect([...outputs[0].data]).toEqual([100, 101, 102, 103, 110, 111, 112, 113, 120, 121, 122, 123]);
    expect((await batched.run(rowsOfState, 1, [])).outputs[0]).toMatchObject({ size: 4, shape: [2, 2] });
    expect((await batched.probe(rowsOfState, [])).batchLimitReason).toBeUndefined();
  });

  test('leaves a model one testcase a run where an output does not say where its rows are', async () => {
    expect((await new BatchedModel(next).probe(rowsOfState, [])).batchLimitReason).toMatch(
      /each run of the model has one testcase/,
    );
  });
});
