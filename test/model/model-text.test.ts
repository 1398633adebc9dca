import { expect, test } from '@jest/globals';
import { modelText } from '../../src/model/model-text.ts';

test('a model of one runtime has its version and device', () => {
  const runtime = {
    kind: 'onnx',
    version: 'onnxruntime-node 1.30.0',
    device: 'CPU',
    why: 'ONNX models run on ONNX Runtime (CPU)',
  } as const;
  expect(modelText('digits.onnx', { format: 'onnx', runtime })).toBe(
    'digits.onnx (ONNX), runtime: ONNX Runtime 1.30.0 on CPU',
  );
  const emulated = { ...runtime, why: `${runtime.why}; half precision is emulated` };
  expect(modelText('half.onnx', { format: 'onnx', runtime: emulated })).toBe(
    'half.onnx (ONNX), runtime: ONNX Runtime 1.30.0 on CPU (half precision is emulated)',
  );
});

test('where there is a choice of runtimes the reason for this one is told', () => {
  const runtime = {
    kind: 'wasm',
    version: '@tensorflow/tfjs-backend-wasm 4.22.0',
    device: 'CPU, SIMD',
    why: 'fastest that works here; tensorflow: not installed',
  } as const;
  expect(modelText('model.json', { format: 'tfjs-graph', runtime })).toBe(
    'model.json (TensorFlow.js graph model), runtime: TensorFlow.js WebAssembly 4.22.0 on CPU, SIMD (fastest that works here; tensorflow: not installed)',
  );
});
