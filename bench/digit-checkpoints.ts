import { mkdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { drawNormal, randomStream } from '../src/core/random.ts';
import { startTfjs } from '../src/model/formats/tfjs/backend.ts';
import { BATCH, CLASSES, type Digits, denseOnnx, logitsOf, PIXELS, WEIGHTS } from './digit-networks.ts';

/** Steps of training after which the dense net is saved. */
export const CHECKPOINT_STEPS: readonly number[] = [3, 6, 12, 25, 50, 100, 200, 400, 800, 1500];

const RATE = 3e-4;

/**
 * Trains the dense net 784-200-100-10 with Adam and saves it on the way, unless that was done before; returns the paths of the ONNX
 * files in the order of the steps.
 *
 * @param cache folder in which they are kept
 */
export async function digitCheckpoints(digits: Digits, cache: string): Promise<string[]> {
  const paths = CHECKPOINT_STEPS.map((steps) => join(cache, `checkpoint-${steps}.onnx`));
  const known = await Promise.all(paths.map((path) => stat(path).catch(() => undefined)));
  if (known.every((stats) => stats !== undefined)) return paths;
  await startTfjs('auto');
  await mkdir(cache, { recursive: true });
  const random = randomStream('digit-checkpoints');
  const weights = WEIGHTS.dense.map(({ shape, fanIn }) => {
    const size = shape.reduce((product, dimension) => product * dimension, 1);
    const scale = fanIn === 0 ? 0 : Math.sqrt(2 / fanIn);
    return tf.variable(
      tf.tensor(
        Float32Array.from({ length: size }, () => scale * drawNormal(random)),
        [...shape],
      ),
    );
  });
  const optimizer = tf.train.adam(RATE);
  for (let step = 1; step <= CHECKPOINT_STEPS[CHECKPOINT_STEPS.length - 1]; step++) {
    const images = new Float32Array(BATCH * PIXELS);
    const labels = new Float32Array(BATCH * CLASSES);
    for (let row = 0; row < BATCH; row++) {
      const digit = random.below(digits.labels.length);
      images.set(digits.images.subarray(digit * PIXELS, (digit + 1) * PIXELS), row * PIXELS);
      labels[row * CLASSES + digits.labels[digit]] = 1;
    }
    tf.tidy(() => {
      const x = tf.tensor2d(images, [BATCH, PIXELS]);
      const y = tf.tensor2d(labels, [BATCH, CLASSES]);
      optimizer.minimize(
        (): tf.Scalar => tf.neg(tf.mean(tf.sum(tf.mul(y, tf.logSoftmax(logitsOf('dense', x, weights))), 1))),
      );
    });
    const saved = CHECKPOINT_STEPS.indexOf(step);
    if (saved >= 0)
      await writeFile(paths[saved], denseOnnx(weights.map((weight) => Float32Array.from(weight.dataSync()))));
  }
  optimizer.dispose();
  return paths;
}
