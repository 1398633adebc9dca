import * as tf from '@tensorflow/tfjs-core';
// Registers the gradients, which the build of tfjs-core for Node.js leaves out.
import '@tensorflow/tfjs-layers';
import { drawNormal, type Random, randomStream } from '../../src/core/random.ts';
import { OnnxBuilder } from '../../src/model/formats/onnx/builder.ts';
import { PIXELS, SIDE } from './digits.ts';

/** Values of a latent vector. */
export const LATENT = 12;

const HIDDEN = 48;
const BATCH = 64;
const RATE = 1e-3;
const BETA1 = 0.5;
const LEAK = 0.2;

/** A layer `[inputs, outputs]` with its bias. */
export interface Layer {
  readonly inputs: number;
  readonly outputs: number;
  readonly weights: Float32Array;
  readonly bias: Float32Array;
}

/** Both networks after so many steps. */
export interface Checkpoint {
  readonly steps: number;
  readonly generator: readonly Layer[];
  readonly discriminator: readonly Layer[];
}

const GENERATOR = [
  [LATENT, HIDDEN],
  [HIDDEN, PIXELS],
] as const;
const DISCRIMINATOR = [
  [PIXELS, HIDDEN],
  [HIDDEN, 1],
] as const;

function makeVariables(shapes: readonly (readonly [number, number])[], random: Random): tf.Variable[] {
  return shapes.flatMap(([inputs, outputs]) => [
    tf.variable(
      tf.tensor2d(
        Float32Array.from({ length: inputs * outputs }, () => Math.sqrt(1 / inputs) * drawNormal(random)),
        [inputs, outputs],
      ),
    ),
    tf.variable(tf.zeros([outputs])),
  ]);
}

function generated(latents: tf.Tensor2D, [w1, b1, w2, b2]: readonly tf.Tensor[]): tf.Tensor2D {
  const hidden = tf.relu(tf.add(tf.matMul(latents, w1 as tf.Tensor2D), b1)) as tf.Tensor2D;
  return tf.tanh(tf.add(tf.matMul(hidden, w2 as tf.Tensor2D), b2)) as tf.Tensor2D;
}

function logitsOf(images: tf.Tensor2D, [w1, b1, w2, b2]: readonly tf.Tensor[]): tf.Tensor2D {
  const sum = tf.add(tf.matMul(images, w1 as tf.Tensor2D), b1);
  const hidden = tf.maximum(sum, tf.mul(sum, LEAK)) as tf.Tensor2D;
  return tf.add(tf.matMul(hidden, w2 as tf.Tensor2D), b2) as tf.Tensor2D;
}

/** Mean of log(1 + exp(x)). */
function softplusMean(x: tf.Tensor): tf.Scalar {
  return tf.mean(tf.softplus(x)) as tf.Scalar;
}

function layersOf(
  shapes: readonly (readonly [number, number])[],
  variables: readonly tf.Variable[],
): Layer[] {
  return shapes.map(([inputs, outputs], i) => ({
    inputs,
    outputs,
    weights: Float32Array.from(variables[2 * i].dataSync()),
    bias: Float32Array.from(variables[2 * i + 1].dataSync()),
  }));
}

/**
 * Trains a generative adversarial network (Goodfellow et al. 2014) with the loss that does not saturate and Adam.
 *
 * @param images real ones, `[count, 64]`
 * @param steps after which both networks are saved, in ascending order
 */
export function trainGan(
  images: Float32Array,
  steps: readonly number[],
  seed: string,
  log: (text: string) => void,
): Checkpoint[] {
  const random = randomStream(seed, 'gan');
  const [generator, discriminator] = [makeVariables(GENERATOR, random), makeVariables(DISCRIMINATOR, random)];
  const [forGenerator, forDiscriminator] = [tf.train.adam(RATE, BETA1), tf.train.adam(RATE, BETA1)];
  const count = images.length / PIXELS;
  const latents = (): tf.Tensor2D =>
    tf.tensor2d(
      Float32Array.from({ length: BATCH * LATENT }, () => drawNormal(random)),
      [BATCH, LATENT],
    );
  const checkpoints: Checkpoint[] = [];
  for (let step = 1; step <= steps[steps.length - 1]; step++) {
    tf.tidy(() => {
      const batch = new Float32Array(BATCH * PIXELS);
      for (let row = 0; row < BATCH; row++) {
        const image = random.below(count);
        batch.set(images.subarray(image * PIXELS, (image + 1) * PIXELS), row * PIXELS);
      }
      const real = tf.tensor2d(batch, [BATCH, PIXELS]);
      const fake = generated(latents(), generator);
      forDiscriminator.minimize(
        () =>
          tf.add(
            softplusMean(tf.neg(logitsOf(real, discriminator))),
            softplusMean(logitsOf(fake, discriminator)),
          ) as tf.Scalar,
        false,
        discriminator,
      );
      const drawn = latents();
      forGenerator.minimize(
        () => softplusMean(tf.neg(logitsOf(generated(drawn, generator), discriminator))),
        false,
        generator,
      );
    });
    if (steps.includes(step)) {
      log(`step ${step}`);
      checkpoints.push({
        steps: step,
        generator: layersOf(GENERATOR, generator),
        discriminator: layersOf(DISCRIMINATOR, discriminator),
      });
    }
  }
  for (const variable of [...generator, ...discriminator]) variable.dispose();
  return checkpoints;
}

/** A generator as ONNX: a latent vector in, a picture of 8×8 pixels in [−1, 1] out. */
export function generatorOnnx(layers: readonly Layer[]): Uint8Array {
  const graph = new OnnxBuilder();
  const sum1 = gemm(graph, graph.input('latent', 'float32', ['batch', LATENT]), layers[0], '1');
  const sum2 = gemm(graph, graph.node('Relu', [sum1], 'hidden'), layers[1], '2');
  const shape = graph.constant('shape', 'int64', [4], BigInt64Array.of(-1n, BigInt(SIDE), BigInt(SIDE), 1n));
  graph.node('Reshape', [graph.node('Tanh', [sum2], 'pixels'), shape], 'image');
  graph.output('image', 'float32', ['batch', SIDE, SIDE, 1]);
  return graph.finish('gan-digits-generator');
}

/** A discriminator as ONNX: a picture in, the logit of its being real out. */
export function discriminatorOnnx(layers: readonly Layer[]): Uint8Array {
  const graph = new OnnxBuilder();
  const image = graph.input('image', 'float32', ['batch', SIDE, SIDE, 1]);
  const shape = graph.constant('shape', 'int64', [2], BigInt64Array.of(-1n, BigInt(PIXELS)));
  const sum1 = gemm(graph, graph.node('Reshape', [image, shape], 'pixels'), layers[0], '1');
  graph.node('LeakyRelu', [sum1], 'hidden', { alpha: { float: LEAK } });
  graph.node('Identity', [gemm(graph, 'hidden', layers[1], '2')], 'real');
  graph.output('real', 'float32', ['batch', 1]);
  return graph.finish('gan-digits-discriminator');
}

function gemm(graph: OnnxBuilder, from: string, { inputs, outputs, weights, bias }: Layer, name: string) {
  const w = graph.constant(`weights_${name}`, 'float32', [inputs, outputs], weights);
  const b = graph.constant(`bias_${name}`, 'float32', [outputs], bias);
  return graph.node('Gemm', [from, w, b], `sum_${name}`);
}
