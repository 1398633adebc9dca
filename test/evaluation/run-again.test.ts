import { describe, expect, test } from '@jest/globals';
import { runAgain } from '../../src/evaluation/run-again.ts';
import type { BatchResult } from '../../src/model/batched-model.ts';
import { shapeSignatureOf, type TestcaseBatch } from '../../src/model/testcase-batch.ts';

const form = shapeSignatureOf([{ name: 'x', type: 'float32', shape: [1], size: 1 }]);
const testcases = (...values: number[]): TestcaseBatch => ({ form, inputs: [Float32Array.from(values)] });

/** Gives each value with the place of its row and the number of rows; fails a batch that holds a negative value. */
function modelOf(maxBatchSize = 8) {
  const runs: number[][] = [];
  const run = async ({ inputs }: TestcaseBatch, rows: number): Promise<BatchResult> => {
    const values = Array.from(inputs[0].subarray(0, rows), Number);
    runs.push(values);
    if (values.some((value) => value < 0)) throw new Error('negative');
    const data = Float32Array.from(values.flatMap((value, row) => [value, row, rows]));
    return {
      rows,
      inputs: [],
      outputs: [{ name: 'y', type: 'float32', size: 3, shape: [3], data }],
      activations: [],
    };
  };
  return { model: { run, runThreaded: async () => undefined, maxBatchSize }, runs };
}

const rowsOf = (data: ArrayLike<number | bigint> | undefined): number[][] =>
  Array.from({ length: (data?.length ?? 0) / 3 }, (_, row) =>
    [0, 1, 2].map((i) => Number(data?.[3 * row + i])),
  );

describe('a batch runs again', () => {
  test('as it is, in reverse, and row by row, with its rows in their order', async () => {
    const { model } = modelOf();
    const again = await runAgain(model, 'again', testcases(5, 6, 7), 3);
    expect(rowsOf(again?.outputs[0].data)).toEqual([
      [5, 0, 3],
      [6, 1, 3],
      [7, 2, 3],
    ]);
    const order = await runAgain(model, 'order', testcases(5, 6, 7), 3);
    expect(rowsOf(order?.outputs[0].data)).toEqual([
      [5, 2, 3],
      [6, 1, 3],
      [7, 0, 3],
    ]);
    const alone = await runAgain(model, 'alone', testcases(5, 6, 7), 3);
    expect(rowsOf(alone?.outputs[0].data)).toEqual([
      [5, 0, 1],
      [6, 0, 1],
      [7, 0, 1],
    ]);
  });

  test('of one row among copies, where the model takes several', async () => {
    const { model, runs } = modelOf();
    const among = await runAgain(model, 'alone', testcases(5), 1);
    expect(runs).toEqual([[5, 5, 5]]);
    expect(rowsOf(among?.outputs[0].data)).toEqual([[5, 2, 3]]);
    expect(await runAgain(modelOf(1).model, 'alone', testcases(5), 1)).toBeUndefined();
    expect(await runAgain(modelOf(1).model, 'order', testcases(5), 1)).toBeUndefined();
    expect(await runAgain(model, 'order', testcases(5), 1)).toEqual({ outputs: [], failures: new Map() });
  });

  test('and rows that fail are told: those alone by themselves', async () => {
    const { model } = modelOf();
    const alone = await runAgain(model, 'alone', testcases(5, -6, 7), 3);
    expect(alone?.failures).toEqual(new Map([[1, 'negative']]));
    expect(rowsOf(alone?.outputs[0].data)[2]).toEqual([7, 0, 1]);
    expect((await runAgain(model, 'again', testcases(-5), 1))?.failures).toEqual(new Map([[0, 'negative']]));
  });

  test('not on several threads where the model has no such run', async () => {
    expect(await runAgain(modelOf().model, 'threads', testcases(5), 1)).toBeUndefined();
  });
});
