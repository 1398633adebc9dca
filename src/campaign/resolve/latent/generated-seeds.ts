import { resolve } from 'node:path';
import type { CampaignConfig } from '../../../config/schema.ts';
import { UserError } from '../../../core/errors.ts';
import { plural } from '../../../core/format-number.ts';
import type { Range } from '../../../inputs/range.ts';
import { SAMPLES, type Samples } from '../../../latent/sample-generator.ts';
import { areShapesAlike, inputsText } from '../../../latent/tensor-roles.ts';
import { stripBatchDimension } from '../../../model/batch-axis.ts';
import type { ModelInfo } from '../../../model/model.ts';
import { shapeText } from '../../../tensor/tensor.ts';
import type { ProbeWorker } from '../../../workers/probe-worker.ts';
import type { Notices } from '../model-settings.ts';
import { declaredRanges } from '../ranges.ts';
import type { SeedFiles } from './seed-files.ts';

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
    // A model that is a generator itself takes these, too.
    const given = [
      ['--classes', classes],
      ['--truncation', truncation],
    ].find(([, value]) => value !== undefined);
    if (given !== undefined && latent === undefined)
      throw new UserError(
        `${given[0]} is for a generator: name it with --generator, or with --latent the model is one`,
      );
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
  const range = declaredRanges(config.range, [input.name]).get(input.name);
  return { ...samples, values: range === undefined ? samples.values : clipped(samples.values, range), path };
}

/** Samples within a range, as mutants are. */
function clipped(values: Float32Array, { low, high }: Range): Float32Array {
  return values.map((value) => Math.min(high, Math.max(low, value)));
}

/** Samples as the seeds of a model with one input. */
export function sampleFiles(
  { shape: given, values, labels, latents, roles }: GeneratedSamples,
  model: ModelInfo,
  { mutator }: Pick<CampaignConfig, 'mutator'>,
): SeedFiles {
  const [{ name, shape }] = stripBatchDimension(model.inputs);
  const sizes = shape.map((size, i) => size ?? given[i] ?? 1);
  const array = { type: 'float32', shape: [latents.length / roles.size, ...sizes], data: values } as const;
  return { arrays: [[name, array]], labels, settings: { mutator: mutator ?? MUTATORS } };
}
