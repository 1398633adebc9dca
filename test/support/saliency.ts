import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { drawNormal, randomStream } from '../../src/core/random.ts';
import { OnnxBuilder } from '../../src/model/formats/onnx/builder.ts';
import { encodeNpz } from '../../src/tensor/npz.ts';

/** Side of the pictures of the small convolution net, and its classes. */
export const SIDE = 8;
export const CLASSES = 3;

/** Random weights with He's variance. */
function weights(name: string, shape: readonly number[], fanIn: number): Float32Array {
  const random = randomStream('saliency-tests', name);
  const size = shape.reduce((product, dimension) => product * dimension, 1);
  return Float32Array.from({ length: size }, () => Math.sqrt(2 / fanIn) * drawNormal(random));
}

/** Writes a convolution of 3×3×4, a dense layer of 12 and logits of three classes with a softmax; returns its path. */
export function writeConvolutionOnnx(folder: string, name = 'convolution.onnx'): string {
  const graph = new OnnxBuilder();
  const x = graph.input('x', 'float32', ['batch', 1, SIDE, SIDE]);
  const constant = (of: string, shape: number[], fanIn: number): string =>
    graph.constant(of, 'float32', shape, weights(of, shape, fanIn));
  graph.node('Conv', [x, constant('w0', [4, 1, 3, 3], 9), constant('b0', [4], 90)], 'conv', {
    kernel_shape: [3, 3],
    pads: [1, 1, 1, 1],
  });
  graph.node('Relu', ['conv'], 'maps');
  graph.node('MaxPool', ['maps'], 'pooled', { kernel_shape: [2, 2], strides: [2, 2] });
  graph.node('Flatten', ['pooled'], 'flat', { axis: 1 });
  graph.node('Gemm', ['flat', constant('w1', [64, 12], 64), constant('b1', [12], 90)], 'sum');
  graph.node('Relu', ['sum'], 'hidden');
  graph.node('Gemm', ['hidden', constant('w2', [12, CLASSES], 12), constant('b2', [CLASSES], 90)], 'logits');
  graph.node('Softmax', ['logits'], 'shares', { axis: 1 });
  graph.output('shares', 'float32', ['batch', CLASSES]);
  const path = join(folder, name);
  writeFileSync(path, graph.finish('convolution'));
  return path;
}

/** Writes pictures with a bright bar each, and noise; returns the path. */
export function writePictures(folder: string, count: number, name = 'pictures.npz'): string {
  const random = randomStream('saliency-tests', 'pictures');
  const data = Float32Array.from({ length: count * SIDE * SIDE }, (_, i) => {
    const picture = Math.floor(i / (SIDE * SIDE));
    const column = i % SIDE;
    return (column === 1 + (picture % (SIDE - 2)) ? 0.7 : 0) + 0.3 * random.uniform();
  });
  const path = join(folder, name);
  writeFileSync(path, encodeNpz([['x', { type: 'float32', shape: [count, 1, SIDE, SIDE], data }]]));
  return path;
}

/** Writes a dense layer without a rectifier; returns its path. @param weight by number */
export function writeDenseOnnx(
  folder: string,
  name: string,
  {
    shape,
    classes = CLASSES,
    weight = (i) => ((7 * i) % 11) - 5,
  }: { shape: readonly number[]; classes?: number; weight?: (i: number) => number },
): string {
  const graph = new OnnxBuilder();
  const size = shape.reduce((product, side) => product * side, 1);
  const x = graph.input('x', 'float32', ['batch', ...shape]);
  const flat = graph.node('Flatten', [x], 'flat', { axis: 1 });
  const values = Float32Array.from({ length: size * classes }, (_, i) => weight(i));
  graph.node('MatMul', [flat, graph.constant('w', 'float32', [size, classes], values)], 'logits');
  graph.output('logits', 'float32', ['batch', classes]);
  const path = join(folder, name);
  writeFileSync(path, graph.finish('dense'));
  return path;
}

/**
 * Writes two dense layers with random weights and a rectifier between them; returns the path.
 *
 * @param embedded size of the vocabulary, where the places are tokens that are looked up; absent for a table
 */
export function writeRectifiedOnnx(
  folder: string,
  name: string,
  { places, embedded }: { readonly places: number; readonly embedded?: number },
): string {
  const graph = new OnnxBuilder();
  const constant = (of: string, shape: number[], fanIn: number): string =>
    graph.constant(of, 'float32', shape, weights(of, shape, fanIn));
  const x = graph.input('x', embedded === undefined ? 'float32' : 'int64', ['batch', places]);
  const width = 4;
  const rows =
    embedded === undefined
      ? x
      : graph.node('Gather', [constant('table', [embedded, width], width), x], 'rows');
  const flat = graph.node('Flatten', [rows], 'flat', { axis: 1 });
  const size = embedded === undefined ? places : places * width;
  const sum = graph.node('Gemm', [flat, constant('w0', [size, 16], size), constant('b0', [16], 90)], 'sum');
  const hidden = graph.node('Relu', [sum], 'hidden');
  graph.node('Gemm', [hidden, constant('w1', [16, CLASSES], 16), constant('b1', [CLASSES], 90)], 'logits');
  graph.output('logits', 'float32', ['batch', CLASSES]);
  const path = join(folder, name);
  writeFileSync(path, graph.finish('rectified'));
  return path;
}
