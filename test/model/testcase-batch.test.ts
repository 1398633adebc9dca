import { expect, test } from '@jest/globals';
import { stripBatchDimension } from '../../src/model/batch-axis.ts';
import {
  groupIntoBatches,
  makeTestcaseInput,
  packBatch,
  shapeSignatureOf,
  sliceTestcases,
  type TestcaseBatch,
} from '../../src/model/testcase-batch.ts';

const form = (...lengths: number[]) =>
  shapeSignatureOf(
    lengths.map((length, i) => makeTestcaseInput({ name: `${i}`, type: 'int32', shape: [null] }, [length])),
  );

test('testcases are packed row by row for each input, and sliced as views', () => {
  const shapes = form(2, 1);
  const testcases: TestcaseBatch[] = [1, 2, 3].map((value) => ({
    form: shapes,
    inputs: [Int32Array.of(value, -value), Int32Array.of(10 * value)],
  }));
  const batch = packBatch(testcases);
  expect(batch.capacity).toBe(3);
  expect(batch.inputs).toEqual([Int32Array.of(1, -1, 2, -2, 3, -3), Int32Array.of(10, 20, 30)]);
  const slice = sliceTestcases(batch, 1, 3);
  expect(slice.inputs).toEqual([Int32Array.of(2, -2, 3, -3), Int32Array.of(20, 30)]);
  expect(slice.inputs[0].buffer).toBe(batch.inputs[0].buffer);
});

test('groups hold consecutive testcases of one signature, and no more than the limit', () => {
  const [short, long] = [form(1), form(2)];
  const groups = groupIntoBatches([short, short, short, long, short], (signature) => signature, 2);
  expect([...groups].map((group) => group.map(({ key }) => key))).toEqual([['1', '1'], ['1'], ['2'], ['1']]);
});

test('the batch dimension is the first of every input, if it is free or 1 in all of them', () => {
  const strip = (...shapes: (number | null)[][]) =>
    stripBatchDimension(shapes.map((shape) => ({ name: 'x', type: 'float32', shape }))).map(
      ({ shape }) => shape,
    );
  expect(strip([null, 3], [null])).toEqual([[3], []]);
  expect(strip([1, 3], [1])).toEqual([[3], []]);
  expect(strip([null, 3], [1, 2])).toEqual([
    [null, 3],
    [1, 2],
  ]);
});
