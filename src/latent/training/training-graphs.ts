import { OnnxBuilder } from '../../model/formats/onnx/builder.ts';
import { type DenseLayer, decoderLayers, encoderLayers, LEAK, type Sizes } from './networks.ts';

/** Inputs in a step of training. */
export const ROWS = 64;

/** Variance of the values that the decoder gives, by which a squared error weighs against the KL term. */
const DECODED_VARIANCE = 0.25;

/** Weight of the critic's answer in the autoencoder's loss, and share of the input in what the critic must take for real. */
const CRITIC_WEIGHT = 0.5;
const REAL_SHARE = 0.2;

/** Heads of the encoder: with classes it is a variational one, which gives the logarithm of the variance as well. */
export function headsOf({ classes }: Sizes): readonly string[] {
  return classes > 0 ? ['mean', 'logvar'] : ['mean'];
}

/** Writes training graphs; inputs are scaled to −1…1 already. */
class TrainingWriter {
  readonly graph = new OnnxBuilder();
  readonly #sizes: Sizes;
  #count = 0;

  constructor(sizes: Sizes) {
    this.#sizes = sizes;
  }

  input(name: string, ...shape: number[]): string {
    return this.graph.input(name, 'float32', shape);
  }

  weights(layers: readonly DenseLayer[]): void {
    for (const { name, inputs, outputs } of layers) {
      this.input(`${name}/weights`, inputs, outputs);
      this.input(`${name}/bias`, outputs);
    }
  }

  node(op: string, inputs: readonly string[], attributes = {}): string {
    return this.graph.node(op, inputs, `${op}_${this.#count++}`, attributes);
  }

  scalar(value: number): string {
    return this.graph.constant(`scalar_${this.#count++}`, 'float32', [1], Float32Array.of(value));
  }

  dense(values: string, { name, isHidden }: DenseLayer): string {
    const sum = this.node('Gemm', [values, `${name}/weights`, `${name}/bias`]);
    return isHidden ? this.node('LeakyRelu', [sum], { alpha: { float: LEAK } }) : sum;
  }

  /** The heads of an encoder. */
  encode(layers: readonly DenseLayer[], x: string, y: string | undefined): string[] {
    const [first, second, ...heads] = layers;
    const hidden = this.dense(this.dense(this.#withClass(x, y), first), second);
    return heads.map((head) => this.dense(hidden, head));
  }

  decode(z: string, y: string | undefined): string {
    return decoderLayers(this.#sizes).reduce(
      (values, layer) => this.dense(values, layer),
      this.#withClass(z, y),
    );
  }

  #withClass(values: string, y: string | undefined): string {
    return y === undefined ? values : this.node('Concat', [values, y], { axis: 1 });
  }

  squares(a: string, b: string): string {
    const difference = this.node('Sub', [a, b]);
    return this.node('Mul', [difference, difference]);
  }

  /** The sum of all values times a factor, `[1, 1]`. */
  total(values: string, factor: number): string {
    return this.node('Mul', [this.node('ReduceSum', [values], { keepdims: 1 }), this.scalar(factor)]);
  }

  /** Mean of the critic's outputs of each row, `[rows, 1]`. */
  criticise(layers: readonly DenseLayer[], x: string): string {
    const [answers] = this.encode(layers, x, undefined);
    const sums = this.node('MatMul', [answers, this.#means()]);
    return sums;
  }

  #means(): string {
    const { latent } = this.#sizes;
    return this.graph.constant(
      `means_${this.#count++}`,
      'float32',
      [latent, 1],
      new Float32Array(latent).fill(1 / latent),
    );
  }

  /** Decoded mixes of each row with the row at the other end of the batch, by shares `[rows, 1]`. */
  decodedMix(z: string, alpha: string): string {
    const turned = new Float32Array(ROWS * ROWS);
    for (let row = 0; row < ROWS; row++) turned[row * ROWS + ROWS - 1 - row] = 1;
    const turn = this.graph.constant(`turn_${this.#count++}`, 'float32', [ROWS, ROWS], turned);
    const other = this.node('MatMul', [turn, z]);
    const [first, second] = [
      this.node('Mul', [z, alpha]),
      this.node('Mul', [other, this.node('Sub', [this.scalar(1), alpha])]),
    ];
    return this.decode(this.node('Add', [first, second]), undefined);
  }

  finish(loss: string): Uint8Array {
    this.graph.node('Identity', [loss], 'loss');
    this.graph.output('loss', 'float32', [1, 1]);
    return this.graph.finish('training', 17);
  }
}

const criticLayers = (sizes: Sizes): DenseLayer[] =>
  encoderLayers('critic', { ...sizes, classes: 0 }, ['mean']);

/**
 * A graph whose output is the loss of an autoencoder. Its inputs are `x`, with classes `y` and `noise`, with a critic `alpha` and the critic's
 * weights, and then the weights of encoder and decoder.
 */
export function autoencoderGraph(sizes: Sizes, hasCritic: boolean): Uint8Array {
  const w = new TrainingWriter(sizes);
  const x = w.input('x', ROWS, sizes.input);
  const isVariational = sizes.classes > 0;
  const y = isVariational ? w.input('y', ROWS, sizes.classes) : undefined;
  const noise = isVariational ? w.input('noise', ROWS, sizes.latent) : undefined;
  const alpha = hasCritic ? w.input('alpha', ROWS, 1) : undefined;
  const critic = criticLayers(sizes);
  if (hasCritic) w.weights(critic);
  const encoder = encoderLayers('encoder', sizes, headsOf(sizes));
  w.weights([...encoder, ...decoderLayers(sizes)]);
  const [mean, logVariance] = w.encode(encoder, x, y);
  if (noise !== undefined && logVariance !== undefined) {
    const deviation = w.node('Exp', [w.node('Mul', [logVariance, w.scalar(0.5)])]);
    const z = w.node('Add', [mean, w.node('Mul', [noise, deviation])]);
    const error = w.total(w.squares(x, w.decode(z, y)), 1 / (2 * DECODED_VARIANCE * ROWS));
    // ½ Σ (μ² + σ² − 1 − ln σ²), without the constant.
    const variance = w.node('Exp', [logVariance]);
    const spread = w.node('Sub', [w.node('Add', [w.node('Mul', [mean, mean]), variance]), logVariance]);
    return w.finish(w.node('Add', [error, w.total(spread, 0.5 / ROWS)]));
  }
  const error = w.total(w.squares(x, w.decode(mean, undefined)), 1 / (ROWS * sizes.input));
  if (alpha === undefined) return w.finish(error);
  const answer = w.criticise(critic, w.decodedMix(mean, alpha));
  return w.finish(w.node('Add', [error, w.total(w.node('Mul', [answer, answer]), CRITIC_WEIGHT / ROWS)]));
}

/**
 * A graph whose output is the loss of the critic (ACAI). Its inputs are `x`, `alpha`, the weights of encoder and decoder, and then those of the
 * critic.
 */
export function criticGraph(sizes: Sizes): Uint8Array {
  const w = new TrainingWriter(sizes);
  const x = w.input('x', ROWS, sizes.input);
  const alpha = w.input('alpha', ROWS, 1);
  const encoder = encoderLayers('encoder', sizes, headsOf(sizes));
  w.weights([...encoder, ...decoderLayers(sizes)]);
  const critic = criticLayers(sizes);
  w.weights(critic);
  const [mean] = w.encode(encoder, x, undefined);
  const guessed = w.criticise(critic, w.decodedMix(mean, alpha));
  const near = w.node('Add', [
    w.node('Mul', [x, w.scalar(REAL_SHARE)]),
    w.node('Mul', [w.decode(mean, undefined), w.scalar(1 - REAL_SHARE)]),
  ]);
  const real = w.criticise(critic, near);
  const loss = w.node('Add', [w.squares(guessed, alpha), w.node('Mul', [real, real])]);
  return w.finish(w.total(loss, 1 / ROWS));
}

/** Layers of the critic: the encoder's shape. */
export { criticLayers };
