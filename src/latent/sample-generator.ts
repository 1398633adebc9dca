import { drawNormal, type Random, randomStream } from '../core/random.ts';
import { type CodecModel, LatentCodec } from './latent-codec.ts';
import type { CodecNames, CodecRoles } from './tensor-roles.ts';

/** Samples that are drawn where no number is asked for: as many of each class. */
export const SAMPLES = 64;

/** Samples that are decoded in one run. */
const ROWS = 32;

/** Draws of a latent value before it is cut: a truncation that is this far out is a mistake. */
const MAX_DRAWS = 10_000;

/** What to sample. Plain data. */
export interface SampleRequest {
  readonly names: CodecNames;
  readonly count: number;
  readonly seed: string;
  /** Deviations beyond which latent values are drawn anew; undefined for none. */
  readonly truncation: number | undefined;
}

/** Samples of a generator. Plain data. */
export interface Samples {
  readonly roles: CodecRoles;
  /** Shape of a sample. */
  readonly shape: readonly number[];
  /** `[count, values]` */
  readonly values: Float32Array;
  /** `[count, latent values]` */
  readonly latents: Float32Array;
  /** Class that was fed for each; undefined for a generator without classes. */
  readonly labels: readonly number[] | undefined;
}

/**
 * Samples a generator: latent vectors are normal, classes go round.
 *
 * @param classes that a generator takes whose input is the number of the class
 * @throws UserError where it is not clear which input takes the latent vector, or what class input wants
 */
export async function sampleGenerator(
  generator: CodecModel,
  { names, count, seed, truncation }: SampleRequest,
): Promise<Samples> {
  const codec = await LatentCodec.open({ decoder: generator }, undefined, names, '--generator');
  const { size, decoder } = codec.roles;
  const random = randomStream(seed, 'generator');
  const latents = Float32Array.from({ length: count * size }, () => truncatedNormal(random, truncation));
  const classes = decoder.label === undefined ? 0 : decoder.label.classes || (names.classes ?? 0);
  const labels = classes > 0 ? Array.from({ length: count }, (_, i) => i % classes) : undefined;
  const values = await codec.decode(latents, labels, ROWS);
  return { roles: codec.roles, shape: codec.decodedShape, values, latents, labels };
}

/** A standard normal draw, repeated while it lies beyond a limit (the truncation trick of Brock, Donahue & Simonyan 2019). */
export function truncatedNormal(random: Random, limit = Number.POSITIVE_INFINITY): number {
  for (let draw = 0; draw < MAX_DRAWS; draw++) {
    const value = drawNormal(random);
    if (Math.abs(value) <= limit) return value;
  }
  return limit * (2 * random.uniform() - 1);
}
