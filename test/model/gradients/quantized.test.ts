import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { randomStream } from '../../../src/core/random.ts';
import { MICROSOFT_DOMAIN, OnnxBuilder } from '../../../src/model/formats/onnx/builder.ts';
import { loadModel } from '../../../src/model/formats/registry.ts';
import { NoGradientError } from '../../../src/model/gradients/gradient.ts';
import { sizeOf, type Tensor } from '../../../src/tensor/tensor.ts';

/** Quantized operations pass gradients on as those of the values that their integers stand for. */
const folder = mkdtempSync(join(tmpdir(), 'neurofuzz-quantized-'));
const SCALE = 0.05;
const ZERO = 3;

type Write = (graph: OnnxBuilder) => string;

const scalar = (graph: OnnxBuilder, name: string, value: number): string =>
  graph.constant(name, 'float32', [], Float32Array.of(value));
const zero = (graph: OnnxBuilder, name: string): string =>
  graph.constant(name, 'int8', [], Int8Array.of(ZERO));

/** Whole numbers from −9 to 9. */
function weightsOf(shape: readonly number[]): Int8Array {
  const random = randomStream('quantized', ...shape);
  return Int8Array.from({ length: sizeOf(shape) }, () => random.below(19) - 9);
}

/** The input quantized, and the scale and the zero point that its integers have. */
function quantizedInput(graph: OnnxBuilder): [string, string, string] {
  const parameters: [string, string] = [scalar(graph, 'xs', SCALE), zero(graph, 'xz')];
  return [graph.node('QuantizeLinear', ['x', ...parameters], 'xq'), ...parameters];
}

function quantizedWeights(graph: OnnxBuilder, shape: readonly number[]): [string, string, string] {
  return [graph.constant('wq', 'int8', shape, weightsOf(shape)), scalar(graph, 'ws', 0.1), zero(graph, 'wz')];
}

const result = (graph: OnnxBuilder): [string, string] => [scalar(graph, 'ys', 0.2), zero(graph, 'yz')];

const back = (graph: OnnxBuilder, q: string): string => graph.node('DequantizeLinear', [q, 'ys', 'yz'], 'y');

function floatWeights(graph: OnnxBuilder, shape: readonly number[]): string {
  const values = Float32Array.from(weightsOf(shape), (q) => 0.1 * (q - ZERO));
  return graph.constant('w', 'float32', shape, values);
}

const KERNEL = [3, 2, 3, 3];
const MATRIX = [4, 3];
const OTHER = [2, 2, 5, 5];

/** By operation: the shape of x, the quantized graph, and that of floating point whose gradient it has. */
const CASES: Readonly<Record<string, readonly [readonly number[], Write, Write]>> = {
  QLinearConv: [
    [2, 2, 5, 5],
    (graph) => {
      const operands = [...quantizedInput(graph), ...quantizedWeights(graph, KERNEL), ...result(graph)];
      return back(graph, graph.node('QLinearConv', operands, 'yq', { strides: [2, 1] }));
    },
    (graph) => graph.node('Conv', ['x', floatWeights(graph, KERNEL)], 'y', { strides: [2, 1] }),
  ],
  QLinearMatMul: [
    [2, 4],
    (graph) => {
      const operands = [...quantizedInput(graph), ...quantizedWeights(graph, MATRIX), ...result(graph)];
      return back(graph, graph.node('QLinearMatMul', operands, 'yq'));
    },
    (graph) => graph.node('MatMul', ['x', floatWeights(graph, MATRIX)], 'y'),
  ],
  MatMulInteger: [
    [2, 4],
    (graph) => {
      const [w, ws, wz] = quantizedWeights(graph, MATRIX);
      graph.node('DynamicQuantizeLinear', ['x'], ['xq', 'xs', 'xz']);
      const product = graph.node('MatMulInteger', ['xq', w, 'xz', wz], 'product');
      const scale = graph.node('Mul', ['xs', ws], 'scale');
      return graph.node('Mul', [graph.node('Cast', [product], 'whole', { to: 1 }), scale], 'y');
    },
    (graph) => graph.node('MatMul', ['x', floatWeights(graph, MATRIX)], 'y'),
  ],
  ConvInteger: [
    [2, 2, 5, 5],
    (graph) => {
      const kernel = graph.constant(
        'wq',
        'uint8',
        KERNEL,
        Uint8Array.from(weightsOf(KERNEL), (q) => q + 9),
      );
      const wz = graph.constant('wz', 'uint8', [], Uint8Array.of(ZERO + 9));
      graph.node('DynamicQuantizeLinear', ['x'], ['xq', 'xs', 'xz']);
      const product = graph.node('ConvInteger', ['xq', kernel, 'xz', wz], 'product');
      const scale = graph.node('Mul', ['xs', scalar(graph, 'ws', 0.1)], 'scale');
      return graph.node('Mul', [graph.node('Cast', [product], 'whole', { to: 1 }), scale], 'y');
    },
    (graph) => graph.node('Conv', ['x', floatWeights(graph, KERNEL)], 'y'),
  ],
  DynamicQuantizeMatMul: [
    [2, 4],
    (graph) =>
      graph.node(
        'DynamicQuantizeMatMul',
        ['x', ...quantizedWeights(graph, MATRIX)],
        'y',
        {},
        MICROSOFT_DOMAIN,
      ),
    (graph) => graph.node('MatMul', ['x', floatWeights(graph, MATRIX)], 'y'),
  ],
  MatMulIntegerToFloat: [
    [2, 4],
    (graph) => {
      const [w, ws, wz] = quantizedWeights(graph, MATRIX);
      graph.node('DynamicQuantizeLinear', ['x'], ['xq', 'xs', 'xz']);
      return graph.node('MatMulIntegerToFloat', ['xq', w, 'xs', ws, 'xz', wz], 'y', {}, MICROSOFT_DOMAIN);
    },
    (graph) => graph.node('MatMul', ['x', floatWeights(graph, MATRIX)], 'y'),
  ],
  QLinearAdd: [
    [2, 2, 5, 5],
    (graph) => {
      const operands = [...quantizedInput(graph), ...quantizedWeights(graph, OTHER), ...result(graph)];
      return back(graph, graph.node('QLinearAdd', operands, 'yq', {}, MICROSOFT_DOMAIN));
    },
    (graph) => graph.node('Add', ['x', floatWeights(graph, OTHER)], 'y'),
  ],
  QLinearMul: [
    [2, 2, 5, 5],
    (graph) => {
      const operands = [...quantizedInput(graph), ...quantizedWeights(graph, OTHER), ...result(graph)];
      return back(graph, graph.node('QLinearMul', operands, 'yq', {}, MICROSOFT_DOMAIN));
    },
    (graph) => graph.node('Mul', ['x', floatWeights(graph, OTHER)], 'y'),
  ],
  QLinearLeakyRelu: [
    [2, 7],
    (graph) => {
      const operands = [...quantizedInput(graph), ...result(graph)];
      const attributes = { alpha: { float: 0.2 } };
      return back(graph, graph.node('QLinearLeakyRelu', operands, 'yq', attributes, MICROSOFT_DOMAIN));
    },
    (graph) => graph.node('LeakyRelu', ['x'], 'y', { alpha: { float: 0.2 } }),
  ],
  QLinearSigmoid: [
    [2, 7],
    (graph) => {
      const operands = [...quantizedInput(graph), ...result(graph)];
      return back(graph, graph.node('QLinearSigmoid', operands, 'yq', {}, MICROSOFT_DOMAIN));
    },
    (graph) => graph.node('Sigmoid', ['x'], 'y'),
  ],
  QLinearGlobalAveragePool: [
    [2, 2, 5, 5],
    (graph) => {
      const operands = [...quantizedInput(graph), ...result(graph)];
      const attributes = { channels_last: 0 };
      return back(
        graph,
        graph.node('QLinearGlobalAveragePool', operands, 'yq', attributes, MICROSOFT_DOMAIN),
      );
    },
    (graph) => graph.node('GlobalAveragePool', ['x'], 'y'),
  ],
  QLinearSoftmax: [
    [2, 7],
    (graph) => {
      const operands = [...quantizedInput(graph), ...result(graph)];
      const attributes = { axis: 1, opset: 13 };
      return back(graph, graph.node('QLinearSoftmax', operands, 'yq', attributes, MICROSOFT_DOMAIN));
    },
    (graph) => graph.node('Softmax', ['x'], 'y', { axis: 1 }),
  ],
  QLinearAveragePool: [
    [2, 2, 5, 5],
    (graph) => {
      const operands = [...quantizedInput(graph), ...result(graph)];
      const attributes = { channels_last: 0, kernel_shape: [2, 3] };
      return back(graph, graph.node('QLinearAveragePool', operands, 'yq', attributes, MICROSOFT_DOMAIN));
    },
    (graph) => graph.node('AveragePool', ['x'], 'y', { kernel_shape: [2, 3] }),
  ],
  QGemm: [
    [2, 4],
    (graph) => {
      const operands = [...quantizedInput(graph), ...quantizedWeights(graph, MATRIX), '', ...result(graph)];
      return back(graph, graph.node('QGemm', operands, 'yq', { transB: 0 }, MICROSOFT_DOMAIN));
    },
    (graph) => graph.node('MatMul', ['x', floatWeights(graph, MATRIX)], 'y'),
  ],
  QLinearConcat: [
    [2, 2, 5, 5],
    (graph) => {
      const [x, w] = [quantizedInput(graph), quantizedWeights(graph, OTHER)];
      const operands = [...result(graph), ...w, ...x];
      return back(graph, graph.node('QLinearConcat', operands, 'yq', { axis: 1 }, MICROSOFT_DOMAIN));
    },
    (graph) => graph.node('Concat', [floatWeights(graph, OTHER), 'x'], 'y', { axis: 1 }),
  ],
};

async function gradientOf(name: string, shape: readonly number[], write: Write, straightThrough: boolean) {
  const graph = new OnnxBuilder();
  graph.input('x', 'float32', shape);
  write(graph);
  graph.output('y', 'float32');
  const path = join(folder, `${name}.onnx`);
  writeFileSync(path, graph.finish(name, 17));
  const model = await loadModel(path, { runtime: 'auto' });
  // Multiples of the scale, which quantizing does not change.
  const data = Float32Array.from({ length: sizeOf(shape) }, (_, i) => SCALE * (((i * 7) % 40) - 19));
  const x: Tensor = { type: 'float32', shape, data };
  try {
    const gradient = await model.capabilities.gradients?.gradient({ of: 'y', wrt: ['x'], straightThrough }, [
      x,
    ]);
    if (gradient === undefined) throw new Error('no gradients');
    const random = randomStream('quantized', name.replace(/-.*/, ''));
    const upstream = Float32Array.from({ length: sizeOf(gradient.shape) }, () => random.uniform() - 0.5);
    const [given] = await gradient.run([x], { type: 'float32', shape: gradient.shape, data: upstream });
    return [...(given.data as Float32Array)];
  } finally {
    await model.dispose();
  }
}

test.each(Object.keys(CASES))('%s: the gradient for searching is that in floating point', async (op) => {
  const [shape, quantized, float] = CASES[op];
  const given = await gradientOf(`${op}-int`, shape, quantized, true);
  const expected = await gradientOf(`${op}-float`, shape, float, false);
  const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  expect(largest).toBeGreaterThan(0);
  expected.forEach((value, i) => {
    expect(Math.abs(given[i] - value) / largest).toBeLessThan(1e-5);
  });
  await expect(gradientOf(`${op}-exact`, shape, quantized, false)).rejects.toThrow(NoGradientError);
});
