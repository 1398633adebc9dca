import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { CampaignConfig } from '../../../config/schema.ts';
import { UserError } from '../../../core/errors.ts';
import { plural } from '../../../core/format-number.ts';
import { SAMPLES, type Samples } from '../../../latent/sample-generator.ts';
import { areShapesAlike, inputsText } from '../../../latent/tensor-roles.ts';
import { stripBatchDimension } from '../../../model/batch-axis.ts';
import type { ModelInfo } from '../../../model/model.ts';
import { encodeNpy } from '../../../tensor/npy.ts';
import { encodeNpz } from '../../../tensor/npz.ts';
import { shapeText } from '../../../tensor/tensor.ts';
import type { ProbeWorker } from '../../../workers/probe-worker.ts';
import type { Notices } from '../model-settings.ts';

/** Samples of a generator with the digest of its file. */
export interface GeneratedSamples extends Samples {
  readonly path: string;
  readonly sha256: string;
  /** Estimated seconds of decoding one vector in a run of many. */
  readonly decodeSeconds: number;
}

/** Mutators of samples where none are named. */
const MUTATORS = ['latent', 'latent-interpolate'];

/**
 * Samples the generator of the settings; undefined without one.
 *
 * @throws UserError where its samples do not fit the model, or settings contradict each other
 */
export async function generateSeeds(
  config: CampaignConfig,
  model: ModelInfo,
  masterSeed: string,
  probeWorker: Pick<ProbeWorker, 'sampleGenerator'>,
  notices: Notices,
): Promise<GeneratedSamples | undefined> {
  const { generator, classes, truncation, latent } = config;
  if (generator === undefined) {
    const given = [
      ['--classes', classes],
      ['--truncation', truncation],
      ['--latent', latent],
    ].find(([, value]) => value !== undefined);
    if (given !== undefined) throw new UserError(`${given[0]} is for a generator: name it with --generator`);
    return undefined;
  }
  const other = (['encoder', 'decoder', 'seeds', 'labels'] as const).find(
    (name) => config[name] !== undefined,
  );
  if (other !== undefined)
    throw new UserError(`--generator gives the seeds and decodes their latent vectors: leave --${other} out`);
  const [input, ...others] = stripBatchDimension(model.inputs);
  if (others.length > 0)
    throw new UserError(
      `--generator gives one input, and the model takes ${inputsText([input, ...others])}: give the samples as --seeds instead`,
    );
  const path = resolve(generator);
  const samples = await probeWorker.sampleGenerator(path, {
    names: { decoded: config.decoded, latentInput: config.latentInput, classes },
    count: SAMPLES,
    seed: masterSeed,
    truncation,
  });
  if (!areShapesAlike(samples.shape, input.shape))
    throw new UserError(
      `--generator: ${generator} gives ${shapeText(samples.shape)}, and the model's input ${input.name} is ${shapeText(input.shape)}: name a fitting output with --decoded, or another generator`,
    );
  const takesNumber = samples.roles.decoder.label?.classes === 0;
  if (takesNumber && classes === undefined)
    throw new UserError('--generator: it takes the number of a class: say how many there are with --classes');
  notices.info(
    `seeds: ${plural(SAMPLES, 'sample')} of ${generator}, ${samples.labels === undefined ? 'which takes no classes' : 'each of the class that was fed'}`,
  );
  return { ...samples, path };
}

/**
 * Settings in which samples are the seeds, while `use` reads them.
 *
 * @param samples undefined for settings that name their seeds
 */
export async function withSeedFiles<T>(
  config: CampaignConfig,
  samples: GeneratedSamples | undefined,
  model: ModelInfo,
  use: (config: CampaignConfig) => Promise<T>,
): Promise<T> {
  if (samples === undefined) return use(config);
  const folder = await mkdtemp(join(tmpdir(), 'neurofuzz-samples-'));
  try {
    const [{ name, shape }] = stripBatchDimension(model.inputs);
    const [seeds, labels] = [join(folder, 'samples.npz'), join(folder, 'labels.npy')];
    const count = samples.latents.length / samples.roles.size;
    const sizes = shape.map((size, i) => size ?? samples.shape[i] ?? 1);
    await writeFile(
      seeds,
      encodeNpz([[name, { type: 'float32', shape: [count, ...sizes], data: samples.values }]]),
    );
    if (samples.labels !== undefined)
      await writeFile(
        labels,
        encodeNpy({ type: 'int32', shape: [count], data: Int32Array.from(samples.labels) }),
      );
    return await use({
      ...config,
      seeds: [seeds],
      labels: samples.labels === undefined ? undefined : labels,
      mutator: config.mutator ?? MUTATORS,
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
