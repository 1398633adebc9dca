import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { drawNormal, randomStream } from '../src/core/random.ts';
import { OnnxBuilder } from '../src/model/formats/onnx/builder.ts';
import { attr, TfjsBuilder } from '../src/model/formats/tfjs/builder.ts';

/** Networks with random weights, whose speed is that of trained ones. */
export const NETWORKS = ['dense', 'convolution'] as const;
export type Network = (typeof NETWORKS)[number];

const DENSE = [784, 200, 100, 10] as const;
const CLASSES = 10;

/** Two 5×5 convolutions with stride 2: 28×28×1 to 14×14×8 to 7×7×16, then a dense layer. */
const CONVOLUTIONS = [
  { from: 1, to: 8 },
  { from: 8, to: 16 },
] as const;
const FLAT = 7 * 7 * 16;

/** Random weights with He's variance, [inputs, outputs] or [5, 5, from, to], by the layer's name. */
function weights(name: string, count: number, inputs: number): Float32Array {
  const random = randomStream('bench', name);
  const scale = Math.sqrt(2 / inputs);
  return Float32Array.from({ length: count }, () => scale * drawNormal(random));
}

/** Writes a network as ONNX and as a TensorFlow.js graph model with the same weights; returns their paths. */
export async function writeNetwork(
  network: Network,
  folder: string,
): Promise<{ onnx: string; tfjs: string }> {
  const onnx = join(folder, `${network}.onnx`);
  const tfjsFolder = join(folder, `${network}-tfjs`);
  await mkdir(tfjsFolder, { recursive: true });
  await writeFile(onnx, network === 'dense' ? denseOnnx() : convolutionOnnx());
  const { json, weightFile, weights: bytes } = network === 'dense' ? denseTfjs() : convolutionTfjs();
  await writeFile(join(tfjsFolder, 'model.json'), json);
  await writeFile(join(tfjsFolder, weightFile), bytes);
  return { onnx, tfjs: join(tfjsFolder, 'model.json') };
}

function denseOnnx(): Uint8Array {
  const graph = new OnnxBuilder();
  const flat = graph.constant('flat', 'int64', [2], BigInt64Array.of(-1n, 784n));
  let values = graph.node(
    'Reshape',
    [graph.input('image', 'float32', ['batch', 28, 28, 1]), flat],
    'flatten',
  );
  DENSE.slice(1).forEach((outputs, i) => {
    values = denseOnnxLayer(graph, values, DENSE[i], outputs, `dense_${i + 1}`, i === DENSE.length - 2);
  });
  graph.node('Softmax', [values], 'probabilities', { axis: 1 });
  graph.output('probabilities', 'float32', ['batch', CLASSES]);
  return graph.finish('dense');
}

function denseOnnxLayer(
  graph: OnnxBuilder,
  values: string,
  inputs: number,
  outputs: number,
  name: string,
  last: boolean,
): string {
  const w = graph.constant(
    `${name}/w`,
    'float32',
    [inputs, outputs],
    weights(name, inputs * outputs, inputs),
  );
  const b = graph.constant(`${name}/b`, 'float32', [outputs], new Float32Array(outputs));
  const sum = graph.node('Gemm', [values, w, b], last ? 'logits' : `${name}/sum`);
  return last ? sum : graph.node('Relu', [sum], name);
}

function convolutionOnnx(): Uint8Array {
  const graph = new OnnxBuilder();
  let values = graph.node(
    'Transpose',
    [graph.input('image', 'float32', ['batch', 28, 28, 1])],
    'channels_first',
    {
      perm: [0, 3, 1, 2],
    },
  );
  CONVOLUTIONS.forEach(({ from, to }, i) => {
    const name = `convolution_${i + 1}`;
    const kernel = transposed(weights(name, 25 * from * to, 25 * from), from, to);
    const w = graph.constant(`${name}/w`, 'float32', [to, from, 5, 5], kernel);
    const b = graph.constant(`${name}/b`, 'float32', [to], new Float32Array(to));
    const sum = graph.node('Conv', [values, w, b], `${name}/sum`, { strides: [2, 2], pads: [1, 1, 2, 2] });
    values = graph.node('Relu', [sum], name);
  });
  values = graph.node('Transpose', [values], 'channels_last', { perm: [0, 2, 3, 1] });
  values = graph.node('Flatten', [values], 'flatten', { axis: 1 });
  denseOnnxLayer(graph, values, FLAT, CLASSES, 'dense', true);
  graph.node('Softmax', ['logits'], 'probabilities', { axis: 1 });
  graph.output('probabilities', 'float32', ['batch', CLASSES]);
  return graph.finish('convolution');
}

/** [5, 5, from, to], as TensorFlow keeps kernels, to [to, from, 5, 5], as ONNX does. */
function transposed(kernel: Float32Array, from: number, to: number): Float32Array {
  const turned = new Float32Array(kernel.length);
  for (let place = 0; place < 25; place++) {
    for (let i = 0; i < from; i++) {
      for (let o = 0; o < to; o++) turned[(o * from + i) * 25 + place] = kernel[(place * from + i) * to + o];
    }
  }
  return turned;
}

function denseTfjs() {
  const graph = new TfjsBuilder();
  const flat = graph.constant('flat', 'int32', [2], Int32Array.of(-1, 784));
  let values = graph.node('Reshape', [graph.input('image', 'float32', [-1, 28, 28, 1]), flat], 'flatten');
  DENSE.slice(1).forEach((outputs, i) => {
    values = denseTfjsLayer(graph, values, DENSE[i], outputs, `dense_${i + 1}`, i === DENSE.length - 2);
  });
  graph.node('Softmax', [values], 'probabilities');
  graph.output('probabilities', 'float32', [-1, CLASSES]);
  return graph.finish();
}

// Converted models have product, bias and relu fused into one operation, so these do too.
function denseTfjsLayer(
  graph: TfjsBuilder,
  values: string,
  inputs: number,
  outputs: number,
  name: string,
  last: boolean,
): string {
  const w = graph.constant(
    `${name}/w`,
    'float32',
    [inputs, outputs],
    weights(name, inputs * outputs, inputs),
  );
  const b = graph.constant(`${name}/b`, 'float32', [outputs], new Float32Array(outputs));
  return graph.node('_FusedMatMul', [values, w, b], last ? 'logits' : name, {
    transpose_a: attr.bool(false),
    transpose_b: attr.bool(false),
    num_args: attr.int(1),
    fused_ops: { list: { s: ['BiasAdd', ...(last ? [] : ['Relu'])].map((op) => attr.text(op).s) } },
  });
}

function convolutionTfjs() {
  const graph = new TfjsBuilder();
  let values = graph.input('image', 'float32', [-1, 28, 28, 1]);
  CONVOLUTIONS.forEach(({ from, to }, i) => {
    const name = `convolution_${i + 1}`;
    const w = graph.constant(
      `${name}/w`,
      'float32',
      [5, 5, from, to],
      weights(name, 25 * from * to, 25 * from),
    );
    const b = graph.constant(`${name}/b`, 'float32', [to], new Float32Array(to));
    values = graph.node('_FusedConv2D', [values, w, b], name, {
      strides: attr.ints([1, 2, 2, 1]),
      padding: attr.text('SAME'),
      data_format: attr.text('NHWC'),
      dilations: attr.ints([1, 1, 1, 1]),
      num_args: attr.int(1),
      fused_ops: { list: { s: ['BiasAdd', 'Relu'].map((op) => attr.text(op).s) } },
    });
  });
  const flat = graph.constant('flat', 'int32', [2], Int32Array.of(-1, FLAT));
  values = graph.node('Reshape', [values, flat], 'flatten');
  denseTfjsLayer(graph, values, FLAT, CLASSES, 'dense', true);
  graph.node('Softmax', ['logits'], 'probabilities');
  graph.output('probabilities', 'float32', [-1, CLASSES]);
  return graph.finish();
}
