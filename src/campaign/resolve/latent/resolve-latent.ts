import { resolve } from 'node:path';
import type { CampaignConfig } from '../../../config/schema.ts';
import { UserError } from '../../../core/errors.ts';
import { formatNumber } from '../../../core/format-number.ts';
import { NO_CLASS } from '../../../inputs/class-label.ts';
import { distinctShapes } from '../../../inputs/seeds.ts';
import { testcaseId } from '../../../inputs/testcase.ts';
import { areShapesAlike } from '../../../latent/tensor-roles.ts';
import type { InputSpec } from '../../../model/model.ts';
import { RESIDUAL } from '../../../mutators/latent/latent.ts';
import { type ConfiguredMutator, resolveMutatorSpec } from '../../../mutators/registry.ts';
import { type DType, makeData, shapeText, writeNumber } from '../../../tensor/tensor.ts';
import type { CodecPaths, LatentReport, LatentSetup } from '../../../workers/extra-models/latent-models.ts';
import type { ProbeWorker } from '../../../workers/probe-worker.ts';
import type { ResolvedInputs } from '../inputs.ts';
import type { Notices } from '../model-settings.ts';
import { COPY_SECONDS } from '../sizes/workload.ts';
import type { GeneratedSamples } from './generated-seeds.ts';

type LatentSettings = Pick<
  CampaignConfig,
  'encoder' | 'decoder' | 'decoded' | 'latentInput' | 'generator' | 'latent'
>;

/** The latent space of a campaign. */
export interface ResolvedLatent extends Pick<LatentReport, 'encoderSha256' | 'decoderSha256'> {
  readonly setup: LatentSetup;
  /** Cost of decoding a mutant, in copies of its values. */
  readonly decodeCost: number;
}

/** The models of the settings; undefined without any. @throws UserError where one of the two is missing */
function codecPaths({
  encoder,
  decoder,
  decoded,
  latentInput,
  generator,
  latent,
}: LatentSettings): CodecPaths | undefined {
  if (encoder !== undefined && decoder !== undefined)
    return { encoder: resolve(encoder), decoder: resolve(decoder) };
  if (encoder !== undefined)
    throw new UserError('--encoder: name the decoder that was trained with it, with --decoder');
  if (decoder !== undefined)
    throw new UserError('--decoder: name the encoder that was trained with it, with --encoder');
  if (generator !== undefined || latent !== undefined) return undefined;
  if (decoded !== undefined || latentInput !== undefined)
    throw new UserError(
      `${decoded === undefined ? '--latent-input' : '--decoded'} is for a decoder: name it with --decoder`,
    );
  return undefined;
}

/**
 * Tells which inputs of the model the encoder takes; undefined without one.
 *
 * @param inputs without the batch dimension
 * @throws UserError printing the shapes where it takes none of them
 */
export async function findEncodedInputs(
  config: LatentSettings,
  inputs: readonly InputSpec[],
  probeWorker: Pick<ProbeWorker, 'encodedShapes'>,
): Promise<((input: InputSpec) => boolean) | undefined> {
  const paths = codecPaths(config);
  if (paths === undefined) return undefined;
  const shapes = await probeWorker.encodedShapes(paths);
  const isEncoded = ({ shape, strings }: InputSpec): boolean =>
    strings === undefined && shapes.some((other) => areShapesAlike(shape, other));
  if (inputs.some(isEncoded)) return isEncoded;
  const [taken, given] = [shapes, inputs.map(({ shape }) => shape)].map((list) =>
    list.map((shape) => shapeText(shape)).join(', '),
  );
  throw new UserError(
    `--encoder: ${config.encoder} takes ${taken}, and the model's inputs are ${given}: give an encoder for one of them`,
  );
}

/**
 * Encodes and decodes the seeds, and tells what moves in latent space need; undefined without an encoder.
 *
 * @throws UserError where the models fit neither each other nor the seeds, or no mutator uses them
 */
export async function resolveLatent(
  config: LatentSettings,
  { seeds, labels, descriptors, mutators }: ResolvedInputs,
  probeWorker: Pick<ProbeWorker, 'surveyLatent'>,
  notices: Notices,
): Promise<ResolvedLatent | undefined> {
  const paths = codecPaths(config);
  if (paths === undefined) return undefined;
  const latent = await Promise.all(mutators.map(latentMutators));
  const moved = latent.flatMap((list, i) => (list.length > 0 ? [i] : []));
  if (moved.length === 0)
    throw new UserError(
      '--encoder and --decoder are for the mutators latent and latent-interpolate: add --mutator latent latent-interpolate',
    );
  const [input] = moved;
  if (moved.length > 1)
    throw new UserError(
      `--encoder: the inputs ${moved.map((i) => descriptors[i].name).join(' and ')} fit it: say which one, as in --mutator ${descriptors[input].name}=latent`,
    );
  if (new Set(distinctShapes(seeds).map(({ inputs }) => inputs[input].size)).size > 1)
    throw new UserError(
      `--encoder: the seeds of ${descriptors[input].name} differ in size: give seeds of one size`,
    );
  if (seeds.length < 2 && latent[input].some(({ kind }) => kind.partner !== undefined))
    throw new UserError(
      '--mutator: latent-interpolate needs two seeds or more to go between: give more --seeds, or use latent',
    );
  const report = await probeWorker.surveyLatent({
    ...paths,
    input,
    seeds,
    labels: labels && seeds.map((seed) => labels.get(seed) ?? NO_CLASS),
    names: { decoded: config.decoded, latentInput: config.latentInput },
  });
  checkReconstruction(config, report, latent[input], notices);
  const { roles, deviations, encoderSha256, decoderSha256, decodeSeconds } = report;
  notices.info(
    `latent space: ${roles.size} values of input ${descriptors[input].name}, mean squared error of reconstructions ${formatNumber(report.reconstructionError, 3)} (of the mean seed ${formatNumber(report.meanError, 3)})`,
  );
  return {
    setup: { ...paths, roles, input, deviations },
    decodeCost: Number((decodeSeconds / (roles.decodedSize * COPY_SECONDS)).toPrecision(3)),
    encoderSha256,
    decoderSha256,
  };
}

/**
 * The latent space of a generator's samples.
 *
 * @throws UserError where another mutator is named: what it makes has no latent vector
 */
export async function generatedLatent(
  samples: GeneratedSamples,
  { seeds, descriptors, mutators }: ResolvedInputs,
): Promise<ResolvedLatent> {
  const [specs] = mutators;
  const kinds = (await Promise.all(specs.map(resolveMutatorSpec))).flat();
  const other = kinds.find(({ kind }) => kind.usesLatent !== true);
  if (other !== undefined)
    throw new UserError(
      `--mutator: ${other.spec} gives inputs without a latent vector, which --generator needs: use latent and latent-interpolate, or give an --encoder and a --decoder`,
    );
  const { roles, path, sha256, decodeSeconds } = samples;
  return {
    setup: {
      decoder: path,
      roles,
      input: 0,
      deviations: new Array<number>(roles.size).fill(1),
      seedVectors: vectorsOf(samples, seeds, descriptors[0].type),
    },
    decodeCost: Number((decodeSeconds / (roles.decodedSize * COPY_SECONDS)).toPrecision(3)),
    encoderSha256: '',
    decoderSha256: sha256,
  };
}

/** The latent vector of each seed, by its id. Seeds are samples in their order, without those that are left out. */
function vectorsOf(
  { roles: { size, decodedSize }, values, latents }: GeneratedSamples,
  seeds: ResolvedInputs['seeds'],
  type: DType,
): Map<string, Float32Array> {
  const vectors = new Map<string, Float32Array>();
  let row = 0;
  for (const seed of seeds) {
    const isSample = (): boolean => {
      const data = makeData(type, 1);
      for (let i = 0; i < decodedSize; i++) {
        writeNumber(type, data, 0, values[row * decodedSize + i]);
        if (data[0] !== seed.inputs[0][i]) return false;
      }
      return true;
    };
    while (!isSample()) if (++row * size >= latents.length) throw new Error('a seed is not a sample');
    vectors.set(testcaseId(seed), latents.slice(row * size, (row + 1) * size));
  }
  return vectors;
}

async function latentMutators(specs: readonly string[]): Promise<ConfiguredMutator[]> {
  const mutators = (await Promise.all(specs.map(resolveMutatorSpec))).flat();
  return mutators.filter(({ kind }) => kind.usesLatent === true);
}

/**
 * Warns of a decoder that gives back less than the mean of the seeds.
 *
 * @throws UserError where a mutant would be what it decodes and nothing else
 */
function checkReconstruction(
  { decoder }: LatentSettings,
  { reconstructionError, meanError }: LatentReport,
  mutators: readonly ConfiguredMutator[],
  notices: Notices,
): void {
  if (reconstructionError <= meanError) return;
  const errors = `${decoder} gives seeds back with a mean squared error of ${formatNumber(reconstructionError, 3)}, and the mean of all seeds would have ${formatNumber(meanError, 3)}`;
  const bare = mutators.find(
    ({ kind, values }) =>
      !kind.parameters.some(({ name }) => name === RESIDUAL.name) || values(RESIDUAL) === 0,
  );
  if (bare !== undefined)
    throw new UserError(
      `--decoder: ${errors}, so mutants of ${bare.spec} would be nothing like them: use --mutator latent, which keeps what is not given back, or another --decoder`,
    );
  notices.warn(`${errors}: moves in its latent space may mean little`);
}
