import type { TrainedWeight } from '../../audit/graph-trainer.ts';
import { drawNormal, type Random } from '../../core/random.ts';

/** Slope of the rectifier below 0. */
export const LEAK = 0.2;

/** Sizes of an autoencoder of dense layers. */
export interface Sizes {
  /** Values of an input. */
  readonly input: number;
  /** Values of a latent vector. */
  readonly latent: number;
  /** Values of each of the two hidden layers. */
  readonly hidden: number;
  /** Classes that both networks are told; 0 for none. */
  readonly classes: number;
}

/** Values of an input, scaled to −1…1 within the networks. */
export interface Scale {
  readonly middle: number;
  readonly half: number;
}

/** A dense layer of a network: its weights and biases are `<name>/weights` and `<name>/bias`. */
export interface DenseLayer {
  readonly name: string;
  readonly inputs: number;
  readonly outputs: number;
  /** Whether a rectifier follows. */
  readonly isHidden: boolean;
}

/** Layers of an encoder up to the latent vector: input and class, two hidden layers, and as many heads as are named. */
export function encoderLayers(
  name: string,
  { input, latent, hidden, classes }: Sizes,
  heads: readonly string[],
): DenseLayer[] {
  return [
    { name: `${name}_1`, inputs: input + classes, outputs: hidden, isHidden: true },
    { name: `${name}_2`, inputs: hidden, outputs: hidden, isHidden: true },
    ...heads.map((head) => ({ name: `${name}_${head}`, inputs: hidden, outputs: latent, isHidden: false })),
  ];
}

/** Layers of the decoder, which mirror the encoder's. */
export function decoderLayers({ input, latent, hidden, classes }: Sizes): DenseLayer[] {
  return [
    { name: 'decoder_1', inputs: latent + classes, outputs: hidden, isHidden: true },
    { name: 'decoder_2', inputs: hidden, outputs: hidden, isHidden: true },
    { name: 'decoder_3', inputs: hidden, outputs: input, isHidden: false },
  ];
}

/** Draws weights with He's variance; biases are 0. */
export function drawWeights(layers: readonly DenseLayer[], random: Random): TrainedWeight[] {
  return layers.flatMap(({ name, inputs, outputs, isHidden }) => {
    const deviation = Math.sqrt((isHidden ? 2 / (1 + LEAK * LEAK) : 1) / inputs);
    return [
      {
        name: `${name}/weights`,
        shape: [inputs, outputs],
        values: Float32Array.from({ length: inputs * outputs }, () => deviation * drawNormal(random)),
      },
      { name: `${name}/bias`, shape: [outputs], values: new Float32Array(outputs) },
    ];
  });
}
