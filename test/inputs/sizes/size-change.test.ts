import { expect, test } from '@jest/globals';
import { resizeTestcase, resizeToForm } from '../../../src/inputs/sizes/size-change.ts';
import type { TestcaseData } from '../../../src/inputs/testcase.ts';
import { makeTestcaseInput, shapeSignatureOf } from '../../../src/model/testcase-batch.ts';
import { type DType, makeData, sizeOf, writeNumber } from '../../../src/tensor/tensor.ts';

/** A testcase of inputs, each with its type, shape and values. */
function testcaseOf(...inputs: readonly [DType, readonly number[], readonly number[]][]): TestcaseData {
  return {
    form: shapeSignatureOf(
      inputs.map(([type, shape], i) => makeTestcaseInput({ name: `x${i}`, type, shape }, shape)),
    ),
    inputs: inputs.map(([type, shape, values]) => {
      const data = makeData(type, sizeOf(shape));
      values.forEach((value, i) => {
        writeNumber(type, data, i, value);
      });
      return data;
    }),
  };
}

const at = (input: number, axis: number) => ({ input, axis });
const change = (size: number, ...places: { input: number; axis: number }[]) => ({
  dimension: 'd',
  places,
  lengthInputs: [],
  size,
});
const valuesOf = ({ inputs }: TestcaseData): number[][] =>
  inputs.map((data) => Array.from({ length: data.length }, (_, i) => Number(data[i])));

test('an axis in the middle is cut at its end, or its last slice is repeated', () => {
  const picture = testcaseOf(['float32', [2, 2, 2], [1, 2, 3, 4, 5, 6, 7, 8]]);
  const cut = resizeTestcase(picture, change(1, at(0, 1)));
  expect(cut.form.key).toBe('2,1,2');
  expect(valuesOf(cut)).toEqual([[1, 2, 5, 6]]);
  const longer = resizeTestcase(picture, change(3, at(0, 1)));
  expect(valuesOf(longer)).toEqual([[1, 2, 3, 4, 3, 4, 5, 6, 7, 8, 7, 8]]);
  expect(valuesOf(picture)).toEqual([[1, 2, 3, 4, 5, 6, 7, 8]]);
});

test('all places change, and two axes of one input', () => {
  const square = testcaseOf(['float32', [2, 2], [1, 2, 3, 4]], ['bool', [2], [1, 0]]);
  const longer = resizeTestcase(square, change(3, at(0, 0), at(0, 1), at(1, 0)));
  expect(longer.form.key).toBe('3,3;3');
  expect(valuesOf(longer)).toEqual([
    [1, 2, 2, 3, 4, 4, 3, 4, 4],
    [1, 0, 0],
  ]);
});

test('whole numbers that count up count on, and a length follows', () => {
  const ids = testcaseOf(['int64', [3], [4, 5, 6]], ['int64', [1], [3]], ['float32', [3], [4, 5, 6]]);
  const longer = resizeTestcase(ids, { ...change(5, at(0, 0), at(2, 0)), lengthInputs: [1] });
  expect(valuesOf(longer)).toEqual([[4, 5, 6, 7, 8], [5], [4, 5, 6, 6, 6]]);
});

test('special tokens stay at both ends', () => {
  const special = () => [101, 102];
  const ids = testcaseOf(['int64', [5], [101, 7, 8, 9, 102]]);
  expect(valuesOf(resizeTestcase(ids, change(3, at(0, 0)), special))).toEqual([[101, 7, 102]]);
  expect(valuesOf(resizeTestcase(ids, change(7, at(0, 0)), special))).toEqual([[101, 7, 8, 9, 9, 9, 102]]);
  expect(valuesOf(resizeTestcase(ids, change(1, at(0, 0)), special))).toEqual([[101]]);
});

test('a testcase takes the shapes of another where its numbers are of floating point', () => {
  const picture = testcaseOf(['float32', [2, 2], [1, 2, 3, 4]]);
  const wanted = testcaseOf(['float32', [3, 1], []]);
  const resized = resizeToForm(picture, wanted.form);
  expect(resized?.form).toBe(wanted.form);
  expect(valuesOf(resized as TestcaseData)).toEqual([[1, 3, 3]]);
  expect(resizeToForm(picture, testcaseOf(['float32', [4], []]).form)).toBeUndefined();
  expect(
    resizeToForm(testcaseOf(['int64', [2], [1, 2]]), testcaseOf(['int64', [1], []]).form),
  ).toBeUndefined();
});
