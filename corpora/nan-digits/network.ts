import * as tf from '@tensorflow/tfjs-core';
// Registers the gradients, which the build of tfjs-core for Node.js leaves out.
import '@tensorflow/tfjs-layers';
import { randomStream } from '../../src/core/random.ts';

/** Rows of images `[count, 784]` in [-1, 1] and the class of each. */
export interface Dataset {
  readonly images: Float32Array;
  readonly labels: Int32Array;
}

/** A dense layer: `weights` is `[inputs, outputs]`, row-major. */
export interface Dense {
  readonly inputs: number;
  readonly outputs: number;
  readonly weights: Float32Array;
  readonly bias: Float32Array;
}

export const PIXELS = 784;
export const CLASSES = 10;

/** Layer sizes, learning rate, batch and initial scale of TensorFuzz's examples/nans/nan_model.py. */
const SIZES = [PIXELS, 200, 100, CLASSES] as const;
const LEARNING_RATE = 0.01;
const BATCH = 100;
const INITIAL_SCALE = 0.25;

/**
 * Trains 784-200-100-10 with relu by plain gradient descent on the numerically unsafe loss of TensorFuzz's
 * first experiment (arXiv 1807.10875, section 4.1): p = exp(logits) / Σ exp(logits), loss = −Σ label·log p.
 */
export function train(data: Dataset, steps: number, seed: string, log: (line: string) => void): Dense[] {
  const random = randomStream(seed, 'train');
  const layers = SIZES.slice(1).map((outputs, i) => {
    const scale = (): number => (2 * random.uniform() - 1) * INITIAL_SCALE;
    const weights = Float32Array.from({ length: SIZES[i] * outputs }, scale);
    return {
      weights: tf.variable(tf.tensor2d(weights, [SIZES[i], outputs])),
      bias: tf.variable(tf.zeros([outputs])),
    };
  });
  const optimizer = tf.train.sgd(LEARNING_RATE);
  const count = data.labels.length;
  const order = Int32Array.from({ length: count }, (_, i) => i);
  const images = new Float32Array(BATCH * PIXELS);
  const labels = new Float32Array(BATCH * CLASSES);
  let position = count;

  for (let step = 1; step <= steps; step++) {
    if (position + BATCH > count) {
      shuffle(order, random.below);
      position = 0;
    }
    labels.fill(0);
    for (let row = 0; row < BATCH; row++) {
      const from = order[position + row];
      images.set(data.images.subarray(from * PIXELS, (from + 1) * PIXELS), row * PIXELS);
      labels[row * CLASSES + data.labels[from]] = 1;
    }
    position += BATCH;
    tf.tidy(() => {
      const x = tf.tensor2d(images, [BATCH, PIXELS]);
      const y = tf.tensor2d(labels, [BATCH, CLASSES]);
      const cost = optimizer.minimize(
        () => {
          let values: tf.Tensor2D = x;
          layers.forEach((layer, i) => {
            const sum = tf.add(tf.matMul(values, layer.weights as tf.Tensor2D), layer.bias) as tf.Tensor2D;
            values = i < layers.length - 1 ? tf.relu(sum) : sum;
          });
          const raised = tf.exp(values);
          const probabilities = tf.div(raised, tf.sum(raised, 1, true));
          return tf.mean(tf.neg(tf.sum(tf.mul(y, tf.log(probabilities)), 1))) as tf.Scalar;
        },
        step % 5000 === 0,
      );
      if (cost !== null) log(`step ${step}: loss ${cost.dataSync()[0].toFixed(5)}`);
    });
  }
  const trained = layers.map((layer, i) => ({
    inputs: SIZES[i],
    outputs: SIZES[i + 1],
    weights: Float32Array.from(layer.weights.dataSync()),
    bias: Float32Array.from(layer.bias.dataSync()),
  }));
  optimizer.dispose();
  for (const layer of layers) tf.dispose([layer.weights, layer.bias]);
  return trained;
}

function shuffle(order: Int32Array, below: (bound: number) => number): void {
  for (let i = order.length - 1; i > 0; i--) {
    const j = below(i + 1);
    [order[i], order[j]] = [order[j], order[i]];
  }
}
