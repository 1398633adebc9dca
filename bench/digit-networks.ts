import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
// Registers the gradients, which the build of tfjs-core for Node.js leaves out.
import '@tensorflow/tfjs-layers';
import { drawNormal, randomStream, shuffle } from '../src/core/random.ts';
import { decodeIdx } from '../src/inputs/formats/idx.ts';
import { OnnxBuilder } from '../src/model/formats/onnx/builder.ts';
import { startTfjs } from '../src/model/formats/tfjs/backend.ts';

/** Digits `[count, 784]` in [−1, 1] and what they show. */
export interface Digits {
  readonly images: Float32Array;
  readonly labels: Uint8Array;
}

const SIDE = 28;
export const PIXELS = SIDE * SIDE;
export const CLASSES = 10;
export const BATCH = 100;

/** Rows of MNIST's test set that networks are trained on; the others are held out. */
const TRAINED = 9000;

/** MNIST's test set: what to train on, and what to search around. */
export async function mnist(
  folder: string,
): Promise<{ readonly training: Digits; readonly heldOut: Digits }> {
  const read = async (name: string) => decodeIdx(await readFile(join(folder, name)), name).data as Uint8Array;
  const images = Float32Array.from(await read('t10k-images-idx3-ubyte.gz'), (value) => value / 127.5 - 1);
  const labels = await read('t10k-labels-idx1-ubyte.gz');
  const cut = (from: number, to: number): Digits => ({
    images: images.subarray(from * PIXELS, to * PIXELS),
    labels: labels.subarray(from, to),
  });
  return { training: cut(0, TRAINED), heldOut: cut(TRAINED, labels.length) };
}

export const DIGIT_NETWORKS = ['dense', 'convolution'] as const;
export type DigitNetwork = (typeof DIGIT_NETWORKS)[number];

interface Weight {
  readonly name: string;
  readonly shape: readonly number[];
  readonly fanIn: number;
}

const layer = (name: string, shape: readonly number[]): Weight[] => [
  { name: `${name}/weights`, shape, fanIn: shape.slice(0, -1).reduce((product, size) => product * size, 1) },
  { name: `${name}/bias`, shape: shape.slice(-1), fanIn: 0 },
];

/**
 * The paper's dense net, 784-200-100-10 with relu; and two 6×6 convolutions of stride 2 with a dense layer. Their
 * filters are `[3, 3, 4 · channels, filters]`: 3×3 blocks of 2×2 pixels.
 */
export const WEIGHTS: Readonly<Record<DigitNetwork, readonly Weight[]>> = {
  dense: [...layer('dense_1', [784, 200]), ...layer('dense_2', [200, 100]), ...layer('dense_3', [100, 10])],
  convolution: [
    ...layer('conv_1', [3, 3, 4, 16]),
    ...layer('conv_2', [3, 3, 4 * 16, 32]),
    ...layer('dense', [7 * 7 * 32, 10]),
  ],
};

/** Passes over the training digits, and the rate of Adam that they begin with, which comes down to nothing. */
const EPOCHS: Readonly<Record<DigitNetwork, number>> = { dense: 20, convolution: 30 };
const RATE = 1e-3;

/** Pixels by which a training digit is moved at most, either way: what the convolution net needs to be 98 % accurate. */
const MOVED: Readonly<Record<DigitNetwork, number>> = { dense: 0, convolution: 2 };

export function logitsOf(
  network: DigitNetwork,
  images: tf.Tensor2D,
  weights: readonly tf.Tensor[],
): tf.Tensor2D {
  if (network === 'dense') {
    return [0, 2, 4].reduce<tf.Tensor2D>((values, i) => {
      const sum = tf.add(tf.matMul(values, weights[i] as tf.Tensor2D), weights[i + 1]) as tf.Tensor2D;
      return i < 4 ? tf.relu(sum) : sum;
    }, images);
  }
  let values = tf.reshape(images, [-1, 28, 28, 1]) as tf.Tensor4D;
  for (const i of [0, 2]) values = convolved(values, weights[i] as tf.Tensor4D, weights[i + 1]);
  const flat = tf.reshape(values, [-1, 7 * 7 * 32]) as tf.Tensor2D;
  return tf.add(tf.matMul(flat, weights[4] as tf.Tensor2D), weights[5]) as tf.Tensor2D;
}

/**
 * A convolution of 6×6 pixels with a stride of 2 and relu, as a sum of matrix products over blocks of 2×2 pixels:
 * WebAssembly has no gradient of a convolution's filters.
 */
export function convolved(values: tf.Tensor4D, filters: tf.Tensor4D, bias: tf.Tensor): tf.Tensor4D {
  const [rows, height, width, channels] = values.shape;
  const [, , depth, made] = filters.shape;
  const padded = tf.pad(values, [
    [0, 0],
    [2, 2],
    [2, 2],
    [0, 0],
  ]);
  const [high, wide] = [(height + 4) / 2, (width + 4) / 2];
  const apart = tf.transpose(tf.reshape(padded, [rows, high, 2, wide, 2, channels]), [0, 1, 3, 2, 4, 5]);
  const blocks = tf.reshape(apart, [rows, high, wide, depth]) as tf.Tensor4D;
  let sum: tf.Tensor = bias;
  for (let i = 0; i < 3; i++)
    for (let j = 0; j < 3; j++) {
      const part = tf.slice(blocks, [0, i, j, 0], [rows, height / 2, width / 2, depth]);
      const filter = tf.reshape(tf.slice(filters, [i, j, 0, 0], [1, 1, depth, made]), [depth, made]);
      sum = tf.add(sum, tf.matMul(tf.reshape(part, [-1, depth]) as tf.Tensor2D, filter as tf.Tensor2D));
    }
  return tf.relu(tf.reshape(sum, [rows, height / 2, width / 2, made])) as tf.Tensor4D;
}

/** How weights begin: normal with a variance of 2 / inputs (He et al. 2015), or uniform within 1 / √inputs, biases too, as in PyTorch. */
export const BEGINNINGS = ['he', 'uniform'] as const;
export type Beginning = (typeof BEGINNINGS)[number];

/** What differs from the usual training. */
interface OtherTraining {
  readonly seed: string;
  readonly epochs?: number;
  readonly beginning?: Beginning;
}

/**
 * Trains a network with Adam, unless it was trained before; returns the path of its ONNX file.
 *
 * @param cache folder in which it is kept
 * @param other another seed, number of epochs or beginning than usual; the file has the seed's name
 */
export async function digitNetwork(
  network: DigitNetwork,
  digits: Digits,
  cache: string,
  log: (text: string) => void,
  other?: OtherTraining,
): Promise<string> {
  const path = join(cache, `digits-${network}${other === undefined ? '' : `-${other.seed}`}.onnx`);
  const epochs = other?.epochs ?? EPOCHS[network];
  if (await stat(path).catch(() => undefined)) return path;
  await startTfjs('auto');
  const random = randomStream('digit-networks', network, ...(other === undefined ? [] : [other.seed]));
  const weights = WEIGHTS[network].map(({ shape, fanIn }, i) => {
    const size = shape.reduce((product, dimension) => product * dimension, 1);
    if (other?.beginning === 'uniform') {
      // A bias stands behind its weights.
      const most = 1 / Math.sqrt(fanIn === 0 ? WEIGHTS[network][i - 1].fanIn : fanIn);
      const drawn = Float32Array.from({ length: size }, () => most * (2 * random.uniform() - 1));
      return tf.variable(tf.tensor(drawn, [...shape]));
    }
    const scale = fanIn === 0 ? 0 : Math.sqrt(2 / fanIn);
    return tf.variable(
      tf.tensor(
        Float32Array.from({ length: size }, () => scale * drawNormal(random)),
        [...shape],
      ),
    );
  });
  const order = Int32Array.from({ length: digits.labels.length }, (_, i) => i);
  for (let epoch = 0; epoch < epochs; epoch++) {
    const optimizer = tf.train.adam(RATE * (1 - epoch / epochs));
    shuffle(order, random);
    let sum = 0;
    for (let from = 0; from + BATCH <= order.length; from += BATCH) {
      const images = new Float32Array(BATCH * PIXELS);
      const labels = new Float32Array(BATCH * CLASSES);
      for (let row = 0; row < BATCH; row++) {
        const digit = order[from + row];
        const pixels = digits.images.subarray(digit * PIXELS, (digit + 1) * PIXELS);
        const by = () => random.below(2 * MOVED[network] + 1) - MOVED[network];
        images.set(moved(pixels, by(), by()), row * PIXELS);
        labels[row * CLASSES + digits.labels[digit]] = 1;
      }
      sum += tf.tidy(() => {
        const x = tf.tensor2d(images, [BATCH, PIXELS]);
        const y = tf.tensor2d(labels, [BATCH, CLASSES]);
        const loss = (): tf.Scalar =>
          tf.neg(tf.mean(tf.sum(tf.mul(y, tf.logSoftmax(logitsOf(network, x, weights))), 1)));
        return optimizer.minimize(loss, true)?.dataSync()[0] ?? 0;
      });
    }
    optimizer.dispose();
    log(`${network}, epoch ${epoch + 1}: loss ${((sum * BATCH) / order.length).toFixed(4)}`);
  }
  await mkdir(cache, { recursive: true });
  const values = weights.map((weight) => Float32Array.from(weight.dataSync()));
  await writeFile(path, network === 'dense' ? denseOnnx(values) : convolutionOnnx(values));
  return path;
}

/** A digit moved down and right, with background where it was. */
function moved(pixels: Float32Array, down: number, right: number): Float32Array {
  if (down === 0 && right === 0) return pixels;
  const out = new Float32Array(PIXELS).fill(-1);
  for (let y = Math.max(0, down); y < Math.min(SIDE, SIDE + down); y++)
    for (let x = Math.max(0, right); x < Math.min(SIDE, SIDE + right); x++)
      out[y * SIDE + x] = pixels[(y - down) * SIDE + x - right];
  return out;
}

export function denseOnnx(weights: readonly Float32Array[]): Uint8Array {
  const graph = new OnnxBuilder();
  let values = flattened(graph, graph.input('image', 'float32', ['batch', 28, 28, 1]), 'pixels', PIXELS);
  for (const [i, [inputs, outputs]] of [
    [784, 200],
    [200, 100],
    [100, 10],
  ].entries()) {
    const name = i < 2 ? `sum_${i + 1}` : 'logits';
    graph.constant(`w${i}`, 'float32', [inputs, outputs], weights[2 * i]);
    graph.constant(`b${i}`, 'float32', [outputs], weights[2 * i + 1]);
    values = graph.node('Gemm', [values, `w${i}`, `b${i}`], name);
    if (i < 2) values = graph.node('Relu', [values], `hidden_${i + 1}`);
  }
  graph.output('logits', 'float32', ['batch', CLASSES]);
  return graph.finish('digits-dense');
}

function flattened(graph: OnnxBuilder, values: string, name: string, size: number): string {
  const shape = graph.constant(`${name}_shape`, 'int64', [2], BigInt64Array.of(-1n, BigInt(size)));
  return graph.node('Reshape', [values, shape], name);
}

/**
 * The convolution net as ONNX: a picture `[28, 28, 1]` in, logits out.
 *
 * @param steps to which each pixel is rounded between 0 and 1; undefined for none
 */
export function convolutionOnnx(
  weights: readonly Float32Array[],
  classes = CLASSES,
  steps?: number,
): Uint8Array {
  const graph = new OnnxBuilder();
  const image = graph.input('image', 'float32', ['batch', 28, 28, 1]);
  const seen = steps === undefined ? image : rounded(graph, image, steps);
  let values = graph.node('Transpose', [seen], 'channels', { perm: [0, 3, 1, 2] });
  for (const [i, [from, to]] of [
    [1, 16],
    [16, 32],
  ].entries()) {
    graph.constant(`w${i}`, 'float32', [to, from, 6, 6], filters(weights[2 * i], from, to));
    graph.constant(`b${i}`, 'float32', [to], weights[2 * i + 1]);
    values = graph.node('Conv', [values, `w${i}`, `b${i}`], `conv_${i + 1}`, {
      kernel_shape: [6, 6],
      strides: [2, 2],
      pads: [2, 2, 2, 2],
    });
    values = graph.node('Relu', [values], `relu_${i + 1}`);
  }
  values = graph.node('Transpose', [values], 'last', { perm: [0, 2, 3, 1] });
  values = flattened(graph, values, 'flat', 7 * 7 * 32);
  graph.constant('w2', 'float32', [7 * 7 * 32, classes], weights[4]);
  graph.constant('b2', 'float32', [classes], weights[5]);
  graph.node('Gemm', [values, 'w2', 'b2'], 'logits');
  graph.output('logits', 'float32', ['batch', classes]);
  return graph.finish('digits-convolution');
}

function rounded(graph: OnnxBuilder, image: string, steps: number): string {
  const count = graph.constant('steps', 'float32', [], Float32Array.of(steps));
  const whole = graph.node('Round', [graph.node('Mul', [image, count], 'scaled')], 'whole');
  return graph.node('Div', [whole, count], 'rounded');
}

/** Filters `[3, 3, 2 · 2 · from, to]` as ONNX has them, `[to, from, 6, 6]`. */
function filters(weights: Float32Array, from: number, to: number): Float32Array {
  const out = new Float32Array(weights.length);
  weights.forEach((value, at) => {
    const o = at % to;
    const c = Math.floor(at / to) % from;
    const within = Math.floor(at / (to * from)) % 4;
    const block = Math.floor(at / (to * from * 4));
    const y = 2 * Math.floor(block / 3) + (within >> 1);
    const x = 2 * (block % 3) + (within & 1);
    out[(o * from + c) * 36 + y * 6 + x] = value;
  });
  return out;
}
