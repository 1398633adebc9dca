import { expect, test } from '@jest/globals';
import { activationsAt, packTestcases, unpackTestcase } from '../../src/fuzzer/packed-testcases.ts';
import { makeTestcaseInput, shapeSignatureOf } from '../../src/model/testcase-batch.ts';

const TEXT = { name: 'text', type: 'int32', shape: [null] } as const;
const FLAG = { name: 'flag', type: 'float32', shape: [1] } as const;

const testcase = (text: readonly number[], flag: number, ...activations: number[]) => ({
  data: {
    form: shapeSignatureOf([makeTestcaseInput(TEXT, [text.length]), makeTestcaseInput(FLAG, [1])]),
    inputs: [Int32Array.from(text), Float32Array.of(flag)],
  },
  activations: Float32Array.from(activations),
});
const testcases = [testcase([1, 2], 5, 0.5, 1), testcase([3], 6, 2, 3), testcase([4, 5], 7, 4, 5)];

test('testcases of several shapes are packed into an array for each input, and come out as they went in', () => {
  const packed = packTestcases(testcases);
  expect(packed.inputs).toEqual([Int32Array.of(1, 2, 3, 4, 5), Float32Array.of(5, 6, 7)]);
  expect(packed.shapes.map(({ key }) => key)).toEqual(['2;1', '1;1']);
  expect(packed.shapeIndices).toEqual(Uint16Array.of(0, 1, 0));
  expect(testcases.map((_, i) => unpackTestcase(packed, i))).toEqual(testcases);
});

test('an observation is a view, and a testcase that is unpacked a copy', () => {
  const packed = packTestcases(testcases);
  expect(activationsAt(packed, 1)).toEqual(Float32Array.of(2, 3));
  expect(activationsAt(packed, 1).buffer).toBe(packed.activations.buffer);
  const unpacked = unpackTestcase(packed, 1);
  expect(unpacked.activations.buffer).not.toBe(packed.activations.buffer);
  expect(unpacked.data.inputs[0].buffer).not.toBe(packed.inputs[0].buffer);
});

test('large testcases keep their arrays, also beside small ones', () => {
  const large = testcase(new Array<number>(1 << 17).fill(1), 8, 6, 7);
  const packed = packTestcases([testcases[0], large]);
  expect(packed.inputs).toEqual([]);
  expect(unpackTestcase(packed, 0)).toEqual(testcases[0]);
  expect(unpackTestcase(packed, 1).data.inputs[0]).toBe(large.data.inputs[0]);
  expect(unpackTestcase(packed, 1).activations).toEqual(large.activations);
});

test('a large testcase that is a view of a message is copied', () => {
  const whole = new Int32Array(1 << 18);
  const values = whole.subarray(0, 1 << 17);
  const view = testcase([], 8, 6, 7);
  const form = shapeSignatureOf([makeTestcaseInput(TEXT, [values.length]), makeTestcaseInput(FLAG, [1])]);
  const packed = packTestcases([{ ...view, data: { form, inputs: [values, Float32Array.of(1)] } }]);
  expect(unpackTestcase(packed, 0).data.inputs[0].buffer.byteLength).toBe(values.byteLength);
});

test('none are packed as none', () => {
  expect(packTestcases([])).toMatchObject({ count: 0, shapes: [], inputs: [] });
});
