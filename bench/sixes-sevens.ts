import { mkdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
// Registers the gradients, which the build of tfjs-core for Node.js leaves out.
import '@tensorflow/tfjs-layers';
import { drawNormal, type Random, randomStream } from '../src/core/random.ts';
import { startTfjs } from '../src/model/formats/tfjs/backend.ts';
import { convolutionOnnx, convolved, type Digits, PIXELS } from './digit-networks.ts';

/** Nets for sixes against sevens: without a defence, and trained on PGD (Madry et al. 2018). */
export const DEFENCES = ['undefended', 'pgd'] as const;
export type Defence = (typeof DEFENCES)[number];

const BATCH = 64;
const RATE = 1e-3;
const BATCHES: Readonly<Record<Defence, number>> = { undefended: 400, pgd: 400 };

/** L∞ limit and steps of the PGD that a net is trained on. The limit grows over the first batches: from the full one on, few are learnt from. */
const LINF = 0.3;
const GROWING_BATCHES = 150;
const STEPS = 7;

const SHAPES: readonly (readonly number[])[] = [
  [3, 3, 4, 16],
  [16],
  [3, 3, 4 * 16, 32],
  [32],
  [7 * 7 * 32, 2],
  [2],
];

/** Sixes and sevens of some digits, with levels from 0 to 1; a six is class 0, a seven class 1. */
export function sixesAndSevens({ images, labels }: Digits): Digits {
  const kept = Array.from(labels.keys()).filter((i) => labels[i] === 6 || labels[i] === 7);
  const levels = new Float32Array(kept.length * PIXELS);
  kept.forEach((digit, row) => {
    for (let i = 0; i < PIXELS; i++) levels[row * PIXELS + i] = (images[digit * PIXELS + i] + 1) / 2;
  });
  return { images: levels, labels: Uint8Array.from(kept, (digit) => labels[digit] - 6) };
}

function logitsOf(images: tf.Tensor, weights: readonly tf.Tensor[]): tf.Tensor2D {
  let values = tf.reshape(images, [-1, 28, 28, 1]) as tf.Tensor4D;
  for (const i of [0, 2]) values = convolved(values, weights[i] as tf.Tensor4D, weights[i + 1]);
  const flat = tf.reshape(values, [-1, 7 * 7 * 32]) as tf.Tensor2D;
  return tf.add(tf.matMul(flat, weights[4] as tf.Tensor2D), weights[5]) as tf.Tensor2D;
}

function lossOf(images: tf.Tensor, classes: tf.Tensor, weights: readonly tf.Tensor[]): tf.Scalar {
  return tf.neg(tf.mean(tf.sum(tf.mul(classes, tf.logSoftmax(logitsOf(images, weights))), 1)));
}

/** Steps along the sign of the gradient from a random start in the ball, each brought back into ball and range. */
function attacked(
  images: tf.Tensor,
  classes: tf.Tensor,
  weights: readonly tf.Tensor[],
  linf: number,
  random: Random,
): tf.Tensor {
  const gradient = tf.grad((x: tf.Tensor) => lossOf(x, classes, weights));
  const [low, high] = [tf.maximum(tf.sub(images, linf), 0), tf.minimum(tf.add(images, linf), 1)];
  const noise = Float32Array.from({ length: images.size }, () => linf * (2 * random.uniform() - 1));
  let moved = tf.minimum(tf.maximum(tf.add(images, tf.tensor(noise, images.shape)), low), high);
  for (let step = 0; step < STEPS; step++) {
    const further = tf.add(moved, tf.mul((2.5 * linf) / STEPS, tf.sign(gradient(moved))));
    moved = tf.minimum(tf.maximum(further, low), high);
  }
  return moved;
}

/** Trains a net; returns its weights, as `convolutionOnnx` takes them. */
export async function trainSixSeven(
  defence: Defence,
  { images, labels }: Digits,
  onBatch: (done: number, total: number) => void,
): Promise<readonly Float32Array[]> {
  await startTfjs('auto');
  const random = randomStream('six-seven', defence);
  const weights = SHAPES.map((shape) => {
    const size = shape.reduce((product, dimension) => product * dimension, 1);
    const scale = shape.length === 1 ? 0 : Math.sqrt((2 * shape[shape.length - 1]) / size);
    const values = Float32Array.from({ length: size }, () => scale * drawNormal(random));
    return tf.variable(tf.tensor(values, [...shape]));
  });
  const optimizer = tf.train.adam(RATE);
  for (let batch = 0; batch < BATCHES[defence]; batch++) {
    const rows = new Float32Array(BATCH * PIXELS);
    const classes = new Float32Array(BATCH * 2);
    for (let row = 0; row < BATCH; row++) {
      const digit = random.below(labels.length);
      rows.set(images.subarray(digit * PIXELS, (digit + 1) * PIXELS), row * PIXELS);
      classes[2 * row + labels[digit]] = 1;
    }
    tf.tidy(() => {
      const [x, y] = [tf.tensor2d(rows, [BATCH, PIXELS]), tf.tensor2d(classes, [BATCH, 2])];
      const linf = LINF * Math.min(1, batch / GROWING_BATCHES);
      const seen = defence === 'pgd' ? attacked(x, y, weights, linf, random) : x;
      optimizer.minimize(() => lossOf(seen, y, weights));
    });
    onBatch(batch + 1, BATCHES[defence]);
  }
  return weights.map((weight) => Float32Array.from(weight.dataSync()));
}

/**
 * Trains a net, unless it was trained before; returns the path of its ONNX file.
 *
 * @param cache folder in which it is kept
 */
export async function sixSevenNetwork(
  defence: Defence,
  digits: Digits,
  cache: string,
  onBatch: (done: number, total: number) => void,
): Promise<string> {
  const path = join(cache, `six-seven-${defence}.onnx`);
  if (await stat(path).catch(() => undefined)) return path;
  const weights = await trainSixSeven(defence, digits, onBatch);
  await mkdir(cache, { recursive: true });
  await writeFile(path, convolutionOnnx(weights, 2));
  return path;
}
