import * as tf from '@tensorflow/tfjs-core';
import { drawNormal, randomStream } from '../../src/core/random.ts';

/** Sizes of the network: tokens are looked up, go through two LSTM layers, and become logits of the next one. */
export const EMBEDDED = 32;
export const HIDDEN = 256;

/** Characters of a window, windows in a batch, and the rate of Adam that training begins with, which comes down to nothing. */
const WINDOW = 80;
const BATCH = 96;
const RATE = 3e-3;

/** The longest that all gradients together may be. */
const LONGEST_GRADIENT = 5;

/** Weights by name; matrices are `[inputs, outputs]`, row-major, gates in the order of Keras: in, forget, cell, out. */
export type Weights = Readonly<Record<WeightName, Float32Array>>;

export type WeightName = ReturnType<typeof weightShapes>[number]['name'];

/** Name and shape of each weight. */
export function weightShapes(tokens: number) {
  const lstm = <N extends 1 | 2>(n: N, inputs: number) =>
    [
      { name: `lstm_${n}/kernel`, shape: [inputs, 4 * HIDDEN] },
      { name: `lstm_${n}/recurrent`, shape: [HIDDEN, 4 * HIDDEN] },
      { name: `lstm_${n}/bias`, shape: [4 * HIDDEN] },
    ] as const;
  return [
    { name: 'embedding', shape: [tokens, EMBEDDED] },
    ...lstm(1, EMBEDDED),
    ...lstm(2, HIDDEN),
    { name: 'logits/weights', shape: [HIDDEN, tokens] },
    { name: 'logits/bias', shape: [tokens] },
  ] as const;
}

export interface Training {
  /** Token ids of the text. */
  readonly training: Int32Array;
  readonly heldOut: Int32Array;
  readonly tokens: number;
  readonly steps: number;
  readonly seed: string;
  readonly log: (line: string) => void;
}

/** Trains with Adam on windows drawn at random; returns the weights and the loss on what was held out, in nats a token. */
export function train({ training, heldOut, tokens, steps, seed, log }: Training): {
  readonly weights: Weights;
  readonly loss: number;
} {
  const random = randomStream(seed, 'char-lm');
  const variables = weightShapes(tokens).map(({ name, shape }) => {
    const size = shape.reduce((product: number, side) => product * side, 1);
    const scale = shape.length === 1 ? 0 : name === 'embedding' ? 0.3 : 1 / Math.sqrt(shape[0]);
    const values = Float32Array.from({ length: size }, () => scale * drawNormal(random));
    // Gates that forget nothing at first: what came long before has its say from the beginning.
    if (name.startsWith('lstm') && name.endsWith('bias')) values.fill(1, HIDDEN, 2 * HIDDEN);
    return tf.variable(tf.tensor(values, [...shape]), true, `char-lm/${name}`);
  });
  const optimizer = tf.train.adam(RATE);
  const setRate = (rate: number): void => {
    (optimizer as unknown as { learningRate: number }).learningRate = rate;
  };
  let smoothed = Number.NaN;
  for (let step = 1; step <= steps; step++) {
    setRate(RATE * Math.min(1, step / 100) * 0.5 * (1 + Math.cos((Math.PI * step) / steps)));
    const ids = new Int32Array(BATCH * (WINDOW + 1));
    for (let row = 0; row < BATCH; row++) {
      const from = random.below(training.length - WINDOW);
      ids.set(training.subarray(from, from + WINDOW + 1), row * (WINDOW + 1));
    }
    const loss = tf.tidy(() => {
      const { value, grads } = tf.variableGrads(() => lossOf(variables, ids, tokens), variables);
      const lengths = Object.values(grads).map((gradient) => tf.sum(tf.square(gradient)));
      const length = tf.sqrt(tf.addN(lengths));
      const scale = tf.minimum(1, tf.div(LONGEST_GRADIENT, length));
      const cut = Object.fromEntries(
        Object.entries(grads).map(([name, gradient]) => [name, tf.mul(gradient, scale)]),
      );
      optimizer.applyGradients(cut);
      return value.dataSync()[0];
    });
    smoothed = Number.isNaN(smoothed) ? loss : 0.98 * smoothed + 0.02 * loss;
    if (step % 100 === 0) log(`step ${step}: loss ${smoothed.toFixed(4)}`);
    if (step % 1000 === 0)
      log(`step ${step}: held out ${heldOutLoss(variables, heldOut, tokens).toFixed(4)}`);
  }
  const loss = heldOutLoss(variables, heldOut, tokens);
  const weights = Object.fromEntries(
    weightShapes(tokens).map(({ name }, i) => [name, Float32Array.from(variables[i].dataSync())]),
  ) as Weights;
  optimizer.dispose();
  tf.dispose(variables);
  return { weights, loss };
}

/** The mean loss over windows that follow one another. */
function heldOutLoss(variables: readonly tf.Tensor[], ids: Int32Array, tokens: number): number {
  let [sum, batches] = [0, 0];
  const perBatch = BATCH * WINDOW;
  for (let from = 0; from + perBatch < ids.length; from += perBatch) {
    const batch = new Int32Array(BATCH * (WINDOW + 1));
    for (let row = 0; row < BATCH; row++) {
      const at = from + row * WINDOW;
      batch.set(ids.subarray(at, at + WINDOW + 1), row * (WINDOW + 1));
    }
    sum += tf.tidy(() => lossOf(variables, batch, tokens).dataSync()[0]);
    batches++;
  }
  return sum / batches;
}

/** Cross entropy of each window's tokens given those before them, from a state of zeros, in nats a token. */
function lossOf(variables: readonly tf.Tensor[], ids: Int32Array, tokens: number): tf.Scalar {
  const windows = tf.tensor2d(ids, [BATCH, WINDOW + 1], 'int32');
  const [embedding, kernel1, recurrent1, bias1, kernel2, recurrent2, bias2, weights, bias] =
    variables as readonly tf.Tensor2D[];
  // Time first: a step is a slice of rows then.
  const given = tf.reshape(tf.transpose(tf.slice(windows, [0, 0], [BATCH, WINDOW])), [-1]) as tf.Tensor1D;
  const next = tf.reshape(tf.transpose(tf.slice(windows, [0, 1], [BATCH, WINDOW])), [-1]) as tf.Tensor1D;
  const embedded = tf.gather(embedding, given) as tf.Tensor2D;
  const first = lstm(embedded, kernel1, recurrent1, bias1);
  const second = lstm(first, kernel2, recurrent2, bias2);
  const logits = tf.add(tf.matMul(second, weights), bias) as tf.Tensor2D;
  const labels = tf.oneHot(next, tokens);
  return tf.neg(tf.mean(tf.sum(tf.mul(labels, tf.logSoftmax(logits)), 1))) as tf.Scalar;
}

/** One layer over all steps: `[steps · batch, inputs]` to `[steps · batch, HIDDEN]`. */
function lstm(
  inputs: tf.Tensor2D,
  kernel: tf.Tensor2D,
  recurrent: tf.Tensor2D,
  bias: tf.Tensor,
): tf.Tensor2D {
  const projected = tf.add(tf.matMul(inputs, kernel), bias) as tf.Tensor2D;
  let h = tf.zeros([BATCH, HIDDEN]) as tf.Tensor2D;
  let c = tf.zeros([BATCH, HIDDEN]) as tf.Tensor2D;
  const hidden: tf.Tensor2D[] = [];
  for (const own of tf.split(projected, WINDOW, 0) as tf.Tensor2D[]) {
    const [i, f, g, o] = tf.split(tf.add(own, tf.matMul(h, recurrent)), 4, 1) as tf.Tensor2D[];
    c = tf.add(tf.mul(tf.sigmoid(f), c), tf.mul(tf.sigmoid(i), tf.tanh(g))) as tf.Tensor2D;
    h = tf.mul(tf.sigmoid(o), tf.tanh(c)) as tf.Tensor2D;
    hidden.push(h);
  }
  return tf.concat(hidden, 0) as tf.Tensor2D;
}
