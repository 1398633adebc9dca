import { OnnxBuilder } from '../../src/model/formats/onnx/builder.ts';

/** A convolution, a reshape to `[1, -1]` and a dense layer with a softmax, for a batch of exactly 1. */
export function fixedBatchOnnx(side = 8): Uint8Array {
  const onnx = new OnnxBuilder();
  const filled = (length: number): Float32Array =>
    Float32Array.from({ length }, (_, i) => Math.sin(i + 1) / 4);
  const half = Math.ceil(side / 2);
  onnx.input('x', 'float32', [1, 3, side, side]);
  onnx.constant('w', 'float32', [4, 3, 3, 3], filled(108));
  onnx.constant('sizes', 'int64', [2], BigInt64Array.of(1n, -1n));
  onnx.constant('dense', 'float32', [4 * half * half, 5], filled(20 * half * half));
  onnx.node('Conv', ['x', 'w'], 'c', { pads: [1, 1, 1, 1], strides: [2, 2] });
  onnx.node('Relu', ['c'], 'r');
  onnx.node('Reshape', ['r', 'sizes'], 'f');
  onnx.node('MatMul', ['f', 'dense'], 'z');
  onnx.node('Softmax', ['z'], 'y', { axis: 1 });
  onnx.output('y', 'float32', [1, 5]);
  return onnx.finish('fixed');
}

/** Subtracts the mean over the batch: with several rows each depends on the others. */
export function mixingOnnx(): Uint8Array {
  const onnx = new OnnxBuilder();
  onnx.input('x', 'float32', [1, 6]);
  onnx.node('ReduceMean', ['x'], 'm', { axes: [0], keepdims: 1 });
  onnx.node('Sub', ['x', 'm'], 'd');
  onnx.node('Add', ['d', 'x'], 'y');
  onnx.output('y', 'float32', [1, 6]);
  return onnx.finish('mixing');
}
