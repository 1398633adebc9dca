import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import * as ort from 'onnxruntime-node';
import { drawNormal, randomStream } from '../../../src/core/random.ts';
import { BatchedModel } from '../../../src/model/batched-model.ts';
import { OnnxBuilder } from '../../../src/model/formats/onnx/builder.ts';
import { loadModel } from '../../../src/model/formats/registry.ts';
import type { Model } from '../../../src/model/model.ts';
import { calibrateRanges } from '../../../src/model/quantize/calibrate-ranges.ts';
import { deriveQuantizedModel } from '../../../src/model/quantize/derive.ts';
import { findQuantization } from '../../../src/model/quantize/find-quantization.ts';
import { QUANTIZERS } from '../../../src/model/quantize/registry.ts';
import { roundToBfloat16, roundToFloat16 } from '../../../src/model/quantize/rounding.ts';
import { packBatch, shapeSignatureOf } from '../../../src/model/testcase-batch.ts';
import type { TensorData } from '../../../src/tensor/tensor.ts';
import { testFolder } from '../../support/folder.ts';
import { writeSoftmaxTfjs } from '../../support/models.ts';

const folder = testFolder();
const CONVNET = 'test/fixtures/convnet.onnx';

const noCalibration = async () => new Map();

async function onnxCopy(
  path: string,
  kind: 'float16' | 'bfloat16' | 'int8',
  seeds?: Float32Array,
): Promise<string> {
  const model = await loadModel(path, { runtime: 'auto' });
  const form = shapeSignatureOf([{ name: 'x', type: 'float32', shape: [8], size: 8 }]);
  const rows = Array.from({ length: (seeds?.length ?? 0) / 8 }, (_, i) => ({
    form,
    inputs: [(seeds as Float32Array).subarray(8 * i, 8 * i + 8)],
  }));
  const files = await deriveQuantizedModel(path, kind, (tensors) =>
    calibrateRanges(new BatchedModel(model), rows, tensors, () => {}),
  );
  await model.dispose();
  const [[name, bytes]] = files;
  writeFileSync(join(folder, name), bytes);
  return join(folder, name);
}

/** A dense and a residual layer on 8 values, with weights large enough that rounding shows. */
function writeDense(name: string, opset = 13): string {
  const random = randomStream('quantize', name);
  const graph = new OnnxBuilder();
  const weights = (count: number): Float32Array =>
    Float32Array.from({ length: count }, () => drawNormal(random));
  const x = graph.input('x', 'float32', ['batch', 8]);
  graph.constant('w1', 'float32', [8, 8], weights(64));
  graph.constant('b1', 'float32', [8], weights(8));
  graph.constant('w2', 'float32', [8, 4], weights(32));
  graph.node('Gemm', [x, 'w1', 'b1'], 'sum');
  graph.node('Relu', ['sum'], 'hidden');
  graph.node('Add', ['hidden', 'x'], 'residual');
  graph.node('MatMul', ['residual', 'w2'], 'logits');
  graph.output('logits', 'float32', ['batch', 4]);
  const path = join(folder, `${name}.onnx`);
  writeFileSync(path, graph.finish(name, opset));
  return path;
}

const ROWS = 64;
const seeds = (() => {
  const random = randomStream('quantize', 'seeds');
  return Float32Array.from({ length: ROWS * 8 }, () => 2 * random.uniform() - 1);
})();

async function run(model: Model, data: TensorData, watched: readonly string[] = []) {
  return model.run([{ type: 'float32', shape: [data.length / 8, 8], data }], watched);
}

function snr(own: TensorData, other: TensorData): number {
  let signal = 0;
  let noise = 0;
  for (let i = 0; i < own.length; i++) {
    signal += Number(own[i]) ** 2;
    noise += (Number(own[i]) - Number(other[i])) ** 2;
  }
  return 10 * Math.log10(signal / noise);
}

describe.each([
  ['float16', roundToFloat16, 55, 75],
  ['bfloat16', roundToBfloat16, 35, 55],
] as const)('a %s copy', (kind, round, least, most) => {
  test('has rounded weights, and all that it computes is rounded', async () => {
    const path = await onnxCopy(writeDense(`rounded-${kind}`), kind);
    const copy = await loadModel(path, { runtime: 'auto' });
    for (const name of ['w1', 'b1', 'w2'])
      for (const value of copy.constant(name)?.data ?? []) expect(round(Number(value))).toBe(value);
    const tensors = ['sum', 'hidden', 'residual', 'logits'];
    const { activations } = await run(copy, seeds, tensors);
    for (const { data } of activations) for (const value of data) expect(round(Number(value))).toBe(value);
    await copy.dispose();
  });

  test('computes what the model does, as near as its precision is', async () => {
    const model = writeDense(`near-${kind}`);
    const [own, copy] = await Promise.all(
      [model, await onnxCopy(model, kind)].map((path) => loadModel(path, { runtime: 'auto' })),
    );
    const [a, b] = await Promise.all([run(own, seeds), run(copy, seeds)]);
    const ratio = snr(a.outputs[0].data, b.outputs[0].data);
    expect(ratio).toBeGreaterThan(least);
    expect(ratio).toBeLessThan(most);
    expect(copy.outputs).toEqual(own.outputs);
  });
});

/** A model with the clip, softmax and reshaping of version 9, and a batch of 3 axes for the softmax to take as one. */
function writeOldModel(): string {
  const graph = new OnnxBuilder();
  const random = randomStream('quantize', 'old');
  const weights = (count: number): Float32Array =>
    Float32Array.from({ length: count }, () => drawNormal(random));
  const x = graph.input('x', 'float32', ['batch', 8]);
  graph.constant('w1', 'float32', [8, 8], weights(64));
  graph.constant('w2', 'float32', [8, 4], weights(32));
  graph.node('MatMul', [x, 'w1'], 'sum');
  graph.node('Clip', ['sum'], 'relu6', { min: { float: 0 }, max: { float: 6 } });
  graph.node('MatMul', ['relu6', 'w2'], 'logits');
  graph.node('Unsqueeze', ['logits'], 'wide', { axes: [2] });
  graph.node('Softmax', ['wide'], 'shares', { axis: 1 });
  graph.node('Squeeze', ['shares'], 'y', { axes: [2] });
  graph.output('y', 'float32', ['batch', 4]);
  const path = join(folder, 'old-operators.onnx');
  writeFileSync(path, graph.finish('old', 9));
  return path;
}

test.each(['int8', 'float16'] as const)(
  'a model of version 9 of the operators is copied to %s',
  async (kind) => {
    const path = writeOldModel();
    const [model, copy] = await Promise.all(
      [path, await onnxCopy(path, kind, seeds)].map((file) => loadModel(file, { runtime: 'auto' })),
    );
    const [a, b] = await Promise.all([run(model, seeds), run(copy, seeds)]);
    expect(snr(a.outputs[0].data, b.outputs[0].data)).toBeGreaterThan(kind === 'int8' ? 20 : 50);
  },
);

describe('an int8 copy', () => {
  test('runs on integer kernels and gives nearly what the model does', async () => {
    const model = writeDense('integers');
    const path = await onnxCopy(model, 'int8', seeds);
    const optimised = join(folder, 'optimised.onnx');
    const session = await ort.InferenceSession.create(path, {
      optimizedModelFilePath: optimised,
      graphOptimizationLevel: 'all',
      logSeverityLevel: 4,
    });
    await session.release();
    const text = readFileSync(optimised, 'latin1');
    expect(/QGemm/.test(text) && /QLinearMatMul/.test(text)).toBe(true);
    const [own, copy] = await Promise.all([model, path].map((one) => loadModel(one, { runtime: 'auto' })));
    const [a, b] = await Promise.all([run(own, seeds), run(copy, seeds)]);
    expect(snr(a.outputs[0].data, b.outputs[0].data)).toBeGreaterThan(25);
    expect(copy.outputs).toEqual(own.outputs);
    expect([...copy.graph.constants.keys()]).not.toContain('w1');
  });

  test('stores weights unsigned around 128, since kernels for signed ones saturate on processors without VNNI', async () => {
    const copy = await loadModel(await onnxCopy(writeDense('unsigned'), 'int8', seeds), { runtime: 'auto' });
    const weights = copy.constant('w1_uint8');
    expect(weights?.type).toBe('uint8');
    expect([...(copy.constant('w1_zero_point')?.data ?? [])].every((zero) => zero === 128)).toBe(true);
    expect(Math.max(...Array.from(weights?.data as Uint8Array, (value) => Math.abs(value - 128)))).toBe(127);
    await copy.dispose();
  });

  test('holds spans that the seeds do not reach to what they reach', async () => {
    const path = await onnxCopy(writeDense('clipped'), 'int8', seeds);
    const copy = await loadModel(path, { runtime: 'auto' });
    const far = Float32Array.from({ length: 8 }, () => 100);
    const [once, twice] = [
      await run(copy, far),
      await run(
        copy,
        far.map((value) => 2 * value),
      ),
    ];
    expect(once.outputs[0].data).toEqual(twice.outputs[0].data);
    await copy.dispose();
  });

  test('has convolutions and pools by channel, with all that is between them', async () => {
    const model = await loadModel(CONVNET, { runtime: 'auto' });
    const form = shapeSignatureOf([{ name: 'image', type: 'float32', shape: [1, 16, 16], size: 256 }]);
    const random = randomStream('quantize', 'images');
    const rows = Array.from({ length: 8 }, () => ({
      form,
      inputs: [Float32Array.from({ length: 256 }, () => random.uniform())],
    }));
    const row = new BatchedModel(model);
    const files = await deriveQuantizedModel(CONVNET, 'int8', (tensors) =>
      calibrateRanges(row, rows, tensors, () => {}),
    );
    const path = join(folder, 'convnet-int8.onnx');
    writeFileSync(path, [...files.values()][0]);
    const copy = await loadModel(path, { runtime: 'auto' });
    const block = packBatch(rows);
    const [a, b] = [await row.run(block, 8, []), await new BatchedModel(copy).run(block, 8, [])];
    expect(snr(a.outputs[0].data, b.outputs[0].data)).toBeGreaterThan(20);
    expect(findQuantization(copy.graph)).toMatch(/QuantizeLinear/);
  });
});

describe('a float16 copy with partial sums in half precision', () => {
  const half = { accumulate: 'float16', lanes: 1 } as const;

  test('says how it adds up, and differs from one whose results alone are rounded', async () => {
    const path = writeDense('narrow-sums');
    const once = await loadModel(await onnxCopy(path, 'float16'), { runtime: 'auto' });
    const [[, bytes]] = await deriveQuantizedModel(path, 'float16', noCalibration, half);
    writeFileSync(join(folder, 'narrow.onnx'), bytes);
    const narrow = await loadModel(join(folder, 'narrow.onnx'), { runtime: 'auto', half: 'auto' });
    expect(once.half).toBeUndefined();
    expect(narrow.half).toEqual({ ...half, format: 'float16', partialSums: 2, blocks: {}, roundedOnce: [] });
    const x = Float32Array.from({ length: 80 }, (_, i) => Math.sin(i) * 30);
    const feeds = [{ type: 'float32', shape: [10, 8], data: x }] as const;
    const [a, b] = [await once.run(feeds, []), await narrow.run(feeds, [])];
    const [wide, rounded] = [a, b].map(({ outputs: [{ data }] }) => data as Float32Array);
    expect(rounded).not.toEqual(wide);
    expect(rounded.map(roundToFloat16)).toEqual(rounded);
    wide.forEach((value, i) => {
      expect(Math.abs(rounded[i] - value)).toBeLessThan(2);
    });
    await once.dispose();
    await narrow.dispose();
  });

  test('is no other kind of copy', async () => {
    const refused = deriveQuantizedModel(writeDense('refused'), 'int8', noCalibration, half);
    await expect(refused).rejects.toThrow('--half accumulate=float16 is for float16 and bfloat16 copies');
    const tfjs = deriveQuantizedModel(writeSoftmaxTfjs(folder, 'refused'), 'float16', noCalibration, half);
    await expect(tfjs).rejects.toThrow('copies of ONNX models');
  });
});

describe('what can not be quantized is refused', () => {
  test.each([
    ['test/fixtures/convnet-float16.onnx', 'int8', /is already quantized \(float16 weight/],
    ['test/fixtures/convnet-int8.onnx', 'float16', /is already quantized \(\w*Quantize\w*/],
    ['test/fixtures/tfjs-layers-uint8/model.json', 'int8', /is already quantized \(weight/],
    ['test/fixtures/saved-model', 'int8', /is a SavedModel, which neurofuzz cannot quantize/],
  ] as const)('%s to %s', async (path, kind, message) => {
    await expect(deriveQuantizedModel(path, kind, noCalibration)).rejects.toThrow(message);
  });

  test('a copy of ours, old operators, a model without products, bfloat16 for TensorFlow.js', async () => {
    const half = await onnxCopy(writeDense('twice'), 'float16');
    await expect(deriveQuantizedModel(half, 'bfloat16', noCalibration)).rejects.toThrow(
      'is already quantized (Cast',
    );
    const old = writeDense('old', 6);
    await expect(deriveQuantizedModel(old, 'int8', noCalibration)).rejects.toThrow(/version 6 .* needs 13/);
    const graph = new OnnxBuilder();
    graph.node('Relu', [graph.input('x', 'float32', ['batch', 8])], 'y');
    graph.output('y', 'float32', ['batch', 8]);
    writeFileSync(join(folder, 'relu.onnx'), graph.finish('relu'));
    await expect(deriveQuantizedModel(join(folder, 'relu.onnx'), 'int8', noCalibration)).rejects.toThrow(
      /nothing to quantize/,
    );
    const tfjs = writeSoftmaxTfjs(folder);
    await expect(deriveQuantizedModel(tfjs, 'bfloat16', noCalibration)).rejects.toThrow(/has no bfloat16/);
  });
});

test.each(['int8', 'float16'] as const)(
  'a %s copy of a TensorFlow.js model gives nearly the same',
  async (kind) => {
    const path = writeSoftmaxTfjs(folder, `tfjs-${kind}`);
    const files = await deriveQuantizedModel(path, kind, noCalibration);
    const home = join(folder, `copy-${kind}`);
    mkdirSync(home);
    for (const [name, bytes] of files) writeFileSync(join(home, name), bytes);
    const [own, copy] = [
      await loadModel(path, { runtime: 'cpu' }),
      await loadModel(join(home, 'model.json'), { runtime: 'cpu' }),
    ];
    const shape = own.inputs[0].shape.map((size) => size ?? 5);
    const data = Float32Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => Math.sin(i));
    const feeds = [{ type: 'float32', shape, data }] as const;
    const [a, b] = [await own.run(feeds, []), await copy.run(feeds, [])];
    expect(snr(a.outputs[0].data, b.outputs[0].data)).toBeGreaterThan(kind === 'int8' ? 35 : 60);
  },
);

test('the kinds that the settings know are those that can be derived', () => {
  expect(QUANTIZERS.names()).toEqual(['float16', 'bfloat16', 'int8']);
});

test('rounding is to the nearest, ties to even', () => {
  expect(roundToBfloat16(1 + 2 ** -8)).toBe(1);
  expect(roundToBfloat16(1 + 3 * 2 ** -8)).toBe(1 + 2 ** -6);
  expect(roundToBfloat16(1 + 2 ** -8 + 2 ** -20)).toBe(1 + 2 ** -7);
  expect(roundToBfloat16(3.4e38)).toBe(Number.POSITIVE_INFINITY);
  expect(roundToBfloat16(Number.NaN)).toBeNaN();
  expect(roundToFloat16(70_000)).toBe(Number.POSITIVE_INFINITY);
});
