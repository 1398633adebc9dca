import { expect, test } from '@jest/globals';
import { decodeTestcase, encodeTestcase, testcaseId } from '../../src/inputs/testcase.ts';
import { shapeSignatureOf } from '../../src/model/testcase-batch.ts';

const a = { name: 'a', type: 'float32', shape: [2], size: 2 } as const;
const b = { name: 'b', type: 'int64', shape: [1], size: 1 } as const;
const [x, y] = [Float32Array.of(1, 2), BigInt64Array.of(3n)];
const testcase = { form: shapeSignatureOf([a, b]), inputs: [x, y] };

test('the id depends on values, not on the order of the inputs', () => {
  expect(testcaseId(testcase)).toMatch(/^[0-9a-f]{16}$/);
  expect(testcaseId({ form: shapeSignatureOf([b, a]), inputs: [y, x] })).toBe(testcaseId(testcase));
  expect(testcaseId({ ...testcase, inputs: [Float32Array.of(1, 2.5), y] })).not.toBe(testcaseId(testcase));
});

test('a testcase is read back with the sizes that the model leaves open', () => {
  const inputs = [
    { name: 'a', type: 'float32' as const, shape: [null] },
    { name: 'b', type: 'int64' as const, shape: [1] },
  ];
  const decoded = decodeTestcase(inputs, encodeTestcase(testcase), 'x.npz');
  expect(decoded.form.key).toBe(testcase.form.key);
  expect(testcaseId(decoded)).toBe(testcaseId(testcase));
  const wrong = [{ ...inputs[0], shape: [3] }, inputs[1]];
  expect(() => decodeTestcase(wrong, encodeTestcase(testcase), 'x.npz')).toThrow(
    /x.npz does not fit the model: input a takes float32 3/,
  );
});
