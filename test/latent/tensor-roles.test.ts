import { expect, test } from '@jest/globals';
import {
  areShapesAlike,
  findEncodedOutput,
  findLabelInput,
  requireBatch,
} from '../../src/latent/tensor-roles.ts';
import type { InputSpec } from '../../src/model/model.ts';
import type { DType } from '../../src/tensor/tensor.ts';

const inputOf = (name: string, type: DType, ...shape: (number | null)[]): InputSpec => ({
  name,
  type,
  shape,
});
const modelOf = (...inputs: InputSpec[]) => ({ path: 'm.onnx', inputs });

test('shapes are alike without dimensions of 1, and where one is flat', () => {
  expect(areShapesAlike([28, 28, 1], [1, 28, 28])).toBe(true);
  expect(areShapesAlike([784], [28, 28])).toBe(true);
  expect(areShapesAlike([null, 28], [28, 28, 1])).toBe(true);
  expect(areShapesAlike([28, 28, 3], [3, 28, 28])).toBe(false);
  expect(areShapesAlike([783], [28, 28])).toBe(false);
  expect(areShapesAlike([null], [28, 28])).toBe(false);
});

test('a class is fed by its number to an integer, and by a one in its place to several values', () => {
  const z = inputOf('z', 'float32', null, 8);
  expect(findLabelInput('--decoder', modelOf(z), [0])).toBeUndefined();
  expect(findLabelInput('--decoder', modelOf(z, inputOf('y', 'int64', null)), [0])).toEqual({
    input: 1,
    classes: 0,
  });
  expect(findLabelInput('--decoder', modelOf(z, inputOf('y', 'int32', null, 1)), [0])).toEqual({
    input: 1,
    classes: 0,
  });
  expect(findLabelInput('--decoder', modelOf(z, inputOf('y', 'float32', null, 10)), [0])).toEqual({
    input: 1,
    classes: 10,
  });
  expect(() => findLabelInput('--decoder', modelOf(z, inputOf('y', 'float32', null, 1)), [0])).toThrow(
    '--decoder: input y of m.onnx is float32 1, neither the number of a class',
  );
  expect(() =>
    findLabelInput('--decoder', modelOf(z, inputOf('y', 'int64', null), inputOf('w', 'int64', null)), [0]),
  ).toThrow('takes y of scalar, w of scalar beside its first input');
  expect(() => findLabelInput('--decoder', modelOf(z, inputOf('y', 'float32', null, 10)), [0], 7)).toThrow(
    '--classes: 7, but input y of m.onnx has 10 values',
  );
});

test('of several outputs of an encoder the mean is taken', () => {
  const tensor = (name: string, size: number) => ({
    name,
    type: 'float32' as const,
    shape: [1, size],
    data: new Float32Array(size),
  });
  expect(findEncodedOutput('e', [tensor('logvar', 8), tensor('z_mean', 8)], 8)).toBe('z_mean');
  expect(findEncodedOutput('e', [tensor('a', 8), tensor('b', 8)], 8)).toBe('a');
  expect(findEncodedOutput('e', [tensor('both', 16)], 8)).toBe('both');
  expect(() => findEncodedOutput('e', [tensor('a', 7)], 8)).toThrow(
    '--encoder: e gives a of 7, and the decoder takes 8 latent values',
  );
});

test('a batch dimension has to be there', () => {
  expect(() => requireBatch('--decoder', modelOf(inputOf('z', 'float32', 1, 8)))).toThrow(
    '--decoder: m.onnx has no batch dimension of any size',
  );
  expect(requireBatch('--decoder', modelOf(inputOf('z', 'float32', null, 8)))).toBeUndefined();
});
