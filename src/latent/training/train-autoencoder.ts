import { GraphTrainer, type TrainedWeight } from '../../audit/graph-trainer.ts';
import { drawNormal, type Random, randomStream, shuffle } from '../../core/random.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { decoderLayers, drawWeights, encoderLayers, type Scale, type Sizes } from './networks.ts';
import { autoencoderGraph, criticGraph, criticLayers, headsOf, ROWS } from './training-graphs.ts';

/** Length of a step of Adam. */
const RATE = 5e-4;

/** What an autoencoder is trained on. */
export interface TrainingData {
  /** `[count, sizes.input]` */
  readonly inputs: Float32Array;
  /** Class of each; undefined without classes. */
  readonly labels: readonly number[] | undefined;
}

export interface TrainingOptions {
  readonly sizes: Sizes;
  readonly scale: Scale;
  readonly steps: number;
  /** Whether a critic judges decoded mixes (ACAI). */
  readonly hasCritic: boolean;
  readonly seed: string;
  readonly onStep?: (steps: number) => void;
}

/** A trained autoencoder. */
export interface Autoencoder {
  readonly sizes: Sizes;
  readonly scale: Scale;
  /** Weights and biases of encoder and decoder. */
  readonly weights: readonly TrainedWeight[];
}

/**
 * Trains a dense autoencoder with Adam: a plain one, with classes a conditional variational one (Kingma & Welling 2014, Sohn, Lee & Yan
 * 2015), with a critic one with an adversarial regulariser (Berthelot, Raffel, Roy & Goodfellow 2019). The same seed gives the same weights.
 *
 * @throws Error where the runtime fails
 */
export async function trainAutoencoder(data: TrainingData, options: TrainingOptions): Promise<Autoencoder> {
  const { sizes, scale, steps, hasCritic, seed, onStep } = options;
  const random = randomStream(seed, 'train-latent');
  const weights = drawWeights(
    [...encoderLayers('encoder', sizes, headsOf(sizes)), ...decoderLayers(sizes)],
    random,
  );
  const critic = hasCritic ? drawWeights(criticLayers(sizes), random) : [];
  const trainer = await GraphTrainer.open(autoencoderGraph(sizes, hasCritic), weights, RATE);
  const criticTrainer = hasCritic ? await GraphTrainer.open(criticGraph(sizes), critic, RATE) : undefined;
  const batches = new Batches(data, sizes, scale, random);
  try {
    for (let step = 1; step <= steps; step++) {
      const { x, y } = batches.next();
      const noise = y === undefined ? [] : [y, normals(sizes.latent, random)];
      const alpha = hasCritic ? [shares(random)] : [];
      await trainer.descend([x, ...noise, ...alpha, ...critic.map(tensorOf)]);
      await criticTrainer?.descend([x, ...alpha, ...weights.map(tensorOf)]);
      onStep?.(step);
    }
  } finally {
    await trainer.dispose();
    await criticTrainer?.dispose();
  }
  return { sizes, scale, weights };
}

function tensorOf({ shape, values }: TrainedWeight): Tensor {
  return { type: 'float32', shape, data: values };
}

function normals(width: number, random: Random): Tensor {
  const data = Float32Array.from({ length: ROWS * width }, () => drawNormal(random));
  return { type: 'float32', shape: [ROWS, width], data };
}

/** Shares of the own vector in a mix, at most a half. */
function shares(random: Random): Tensor {
  const data = Float32Array.from({ length: ROWS }, () => random.uniform() / 2);
  return { type: 'float32', shape: [ROWS, 1], data };
}

/** Batches of inputs in drawn orders, each input once an epoch. */
class Batches {
  readonly #data: TrainingData;
  readonly #sizes: Sizes;
  readonly #scale: Scale;
  readonly #random: Random;
  readonly #order: Int32Array;
  #next: number;

  constructor(data: TrainingData, sizes: Sizes, scale: Scale, random: Random) {
    this.#data = data;
    this.#sizes = sizes;
    this.#scale = scale;
    this.#random = random;
    this.#order = Int32Array.from({ length: data.inputs.length / sizes.input }, (_, i) => i);
    this.#next = this.#order.length;
  }

  next(): { readonly x: Tensor; readonly y: Tensor | undefined } {
    const { input, classes } = this.#sizes;
    const { middle, half } = this.#scale;
    const { inputs, labels } = this.#data;
    const x = new Float32Array(ROWS * input);
    const y = labels === undefined ? undefined : new Float32Array(ROWS * classes);
    for (let row = 0; row < ROWS; row++) {
      if (this.#next >= this.#order.length) {
        shuffle(this.#order, this.#random);
        this.#next = 0;
      }
      const from = this.#order[this.#next++];
      for (let i = 0; i < input; i++) x[row * input + i] = (inputs[from * input + i] - middle) / half;
      if (y !== undefined && labels !== undefined) y[row * classes + labels[from]] = 1;
    }
    return {
      x: { type: 'float32', shape: [ROWS, input], data: x },
      y: y && { type: 'float32', shape: [ROWS, classes], data: y },
    };
  }
}
