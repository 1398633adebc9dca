import { drawNormal, type Random, randomStream } from '../core/random.ts';
import type { TestcaseData } from '../inputs/testcase.ts';
import {
  allocateBatch,
  packBatch,
  type ShapeSignature,
  type TestcaseBatch,
  type TestcaseInput,
} from '../model/testcase-batch.ts';
import { DTYPES, type TensorData, writeNumber } from '../tensor/tensor.ts';

/** Samples of a generator in a game. */
export const SAMPLES = 64;

/** Laws that latent vectors are drawn by. */
export const LATENT_LAWS = ['normal', 'uniform'] as const;
export type LatentLaw = (typeof LATENT_LAWS)[number];

/** Legal values of an input, both ends included. */
export interface Ends {
  readonly low: number;
  readonly high: number;
}

/**
 * Draws the inputs of a generator for a game, 64 of each: floats standard normal or uniform in [−1, 1]; classes, which are whole
 * numbers, each as often, but for one.
 *
 * @param ranges of each input, for classes
 * @param seed master seed
 */
export function drawLatents(
  form: ShapeSignature,
  ranges: readonly Ends[],
  law: LatentLaw,
  seed: string,
  game: number,
): TestcaseBatch {
  const batch = allocateBatch(form, SAMPLES);
  form.inputs.forEach((input, i) => {
    const random = randomStream(seed, 'latents of game', i, game);
    if (DTYPES[input.type].kind === 'float') fillFloats(input, batch.inputs[i], law, random);
    else fillClasses(input, batch.inputs[i], ranges[i], random);
  });
  return { form, inputs: batch.inputs };
}

function fillFloats({ type, size }: TestcaseInput, data: TensorData, law: LatentLaw, random: Random): void {
  for (let i = 0; i < SAMPLES * size; i++)
    writeNumber(type, data, i, law === 'normal' ? drawNormal(random) : 2 * random.uniform() - 1);
}

function fillClasses(
  { type, size }: TestcaseInput,
  data: TensorData,
  { low, high }: Ends,
  random: Random,
): void {
  const classes = Math.floor(high) - Math.ceil(low) + 1;
  const first = random.below(classes);
  for (let i = 0; i < SAMPLES * size; i++)
    writeNumber(type, data, i, Math.ceil(low) + ((first + Math.floor(i / size)) % classes));
}

/** Picks 64 of some latent vectors for a game, with replacement. */
export function pickLatents(latents: readonly TestcaseData[], seed: string, game: number): TestcaseBatch {
  const random = randomStream(seed, 'latents of game', game);
  return packBatch(Array.from({ length: SAMPLES }, () => latents[random.below(latents.length)]));
}
