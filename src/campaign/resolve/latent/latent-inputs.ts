import type { CampaignConfig } from '../../../config/schema.ts';
import { UserError } from '../../../core/errors.ts';
import { plural } from '../../../core/format-number.ts';
import { randomStream } from '../../../core/random.ts';
import { findLatentInput } from '../../../latent/latent-codec.ts';
import { SAMPLES, truncatedNormal } from '../../../latent/sample-generator.ts';
import { findLabelInput, requireBatch } from '../../../latent/tensor-roles.ts';
import { stripBatchDimension } from '../../../model/batch-axis.ts';
import type { ModelInfo } from '../../../model/model.ts';
import { NO_MUTATOR } from '../../../mutators/registry.ts';
import { objectiveSpecs } from '../../../objectives/registry.ts';
import { makeData, sizeOf, type Tensor, writeNumber } from '../../../tensor/tensor.ts';
import { withModelSession } from '../../../workers/model-session.ts';
import type { Notices } from '../model-settings.ts';
import type { SeedFiles } from './seed-files.ts';

/** Deviations within which the latent values of mutants stay, where no truncation is named: a normal draw is hardly ever beyond. */
const RANGE = 4;

/** Standard deviation of an output below which it is blank. */
const LEAST_DEVIATION = 0.01;

/** Whether the model under test is a generator itself. */
function isOfGenerator({ latent, generator }: Pick<CampaignConfig, 'latent' | 'generator'>): boolean {
  return latent !== undefined && generator === undefined;
}

/**
 * Adds blank outputs to what counts as a failure of a generator, where nothing but the default counts: an output whose values hardly differ.
 *
 * @throws UserError where the model can't be loaded
 */
export async function withGeneratorObjective(config: CampaignConfig): Promise<CampaignConfig> {
  if (!isOfGenerator(config) || objectiveSpecs(config.objective).join() !== 'nonfinite') return config;
  const output = await withModelSession(config, async ({ info }) => config.decoded ?? info.outputs[0]);
  return { ...config, objective: ['nonfinite', `assert:std(${output}) > ${LEAST_DEVIATION}`] };
}

/**
 * Normal latent vectors, with classes in turn, as the seeds of a model that is a generator; undefined for another model.
 *
 * @throws UserError where it is not clear which input takes the latent vector
 */
export function latentInputs(
  config: CampaignConfig,
  model: ModelInfo,
  masterSeed: string,
  notices: Notices,
): SeedFiles | undefined {
  if (!isOfGenerator(config)) return undefined;
  if (config.seeds !== undefined)
    throw new UserError('--latent draws the seeds of a generator: leave --seeds out');
  requireBatch('--latent', model);
  const latent = findLatentInput('--latent', model, undefined, { latentInput: config.latentInput });
  const label = findLabelInput('--latent', model, [latent], config.classes);
  const classes = label === undefined ? 0 : label.classes || config.classes;
  if (classes === undefined)
    throw new UserError(
      '--latent: the model takes the number of a class: say how many there are with --classes',
    );
  const random = randomStream(masterSeed, 'latent inputs');
  const inputs = stripBatchDimension(model.inputs);
  const arrays = inputs.map(({ name, type, shape }, i): readonly [string, Tensor] => {
    const sizes = shape.map((size) => size ?? 1);
    const size = sizeOf(sizes);
    const data = makeData(type, SAMPLES * size);
    for (let row = 0; row < SAMPLES; row++)
      if (i === latent)
        for (let k = 0; k < size; k++)
          writeNumber(type, data, row * size + k, truncatedNormal(random, config.truncation));
      else if (size === 1) writeNumber(type, data, row, row % Math.max(1, classes));
      else writeNumber(type, data, row * size + (row % classes), 1);
    return [name, { type, shape: [SAMPLES, ...sizes], data }];
  });
  const limit = config.truncation ?? RANGE;
  const { name } = inputs[latent];
  notices.info(
    `seeds: ${plural(SAMPLES, 'normal latent vector')} in input ${name}${label === undefined ? '' : `, with the classes in ${inputs[label.input].name} in turn`}`,
  );
  return {
    arrays,
    labels: undefined,
    settings: {
      range: config.range ?? { [name]: [-limit, limit] },
      ...(label === undefined || config.mutator !== undefined
        ? {}
        : { mutator: { [inputs[label.input].name]: NO_MUTATOR } }),
    },
  };
}
