import { expect, test } from '@jest/globals';
import * as ort from 'onnxruntime-node';
import { openBatchAxis } from '../../../../../src/model/formats/onnx/batch/open-batch-axis.ts';
import { OnnxBuilder } from '../../../../../src/model/formats/onnx/builder.ts';
import { fixedBatchOnnx, mixingOnnx } from '../../../../support/fixed-batch.ts';

async function outputOf(bytes: Uint8Array, dims: readonly number[], x: Float32Array) {
  const session = await ort.InferenceSession.create(bytes, { intraOpNumThreads: 1, logSeverityLevel: 4 });
  const { y } = await session.run({ x: new ort.Tensor('float32', x, dims) });
  await session.release();
  return { dims: y.dims, data: y.data as Float32Array };
}

test('rows that run together in the copy have the results that each has alone', async () => {
  const bytes = fixedBatchOnnx();
  const opened = openBatchAxis(bytes, 'fixed.onnx');
  if (!('bytes' in opened)) throw new Error(opened.refusal);
  const x = Float32Array.from({ length: 3 * 192 }, (_, i) => Math.cos(i));
  const together = await outputOf(opened.bytes, [3, 3, 8, 8], x);
  expect(together.dims).toEqual([3, 5]);
  for (let row = 0; row < 3; row++) {
    const alone = await outputOf(bytes, [1, 3, 8, 8], x.slice(192 * row, 192 * (row + 1)));
    alone.data.forEach((value, i) => {
      expect(together.data[5 * row + i]).toBeCloseTo(value, 6);
    });
  }
});

function modelWith(add: (onnx: OnnxBuilder) => void, output: readonly number[] = [1, 6]): Uint8Array {
  const onnx = new OnnxBuilder();
  onnx.input('x', 'float32', [1, 6]);
  add(onnx);
  onnx.output('y', 'float32', output);
  return onnx.finish('model');
}

test.each<[string, Uint8Array, string]>([
  ['a mean over the batch', mixingOnnx(), 'ReduceMean m may not compute each row by itself'],
  [
    'an operation that is not known',
    modelWith((onnx) => onnx.node('CumSum', ['x', 'x'], 'y')),
    'CumSum y may not',
  ],
  [
    'a transposed batch',
    modelWith((onnx) => onnx.node('Transpose', ['x'], 'y', { perm: [1, 0] }), [6, 1]),
    'Transpose y may not',
  ],
  [
    'a softmax over the batch',
    modelWith((onnx) => onnx.node('Softmax', ['x'], 'y', { axis: 0 })),
    'Softmax y may not',
  ],
  [
    'a table with a row for each position of the batch',
    modelWith((onnx) => {
      onnx.constant('t', 'float32', [2, 6], new Float32Array(12));
      onnx.node('Add', ['x', 't'], 'y');
    }),
    'Add y may not',
  ],
])('%s is not opened', (_name, bytes, refusal) => {
  expect(openBatchAxis(bytes, 'm.onnx')).toEqual({ refusal: expect.stringContaining(refusal) });
});

test('an output that does not begin with the batch keeps the model as it is', () => {
  const bytes = modelWith((onnx) => onnx.node('Relu', ['x'], 'y'), [6]);
  expect(openBatchAxis(bytes, 'm.onnx')).toEqual({ refusal: 'output y does not begin with a batch of 1' });
});
