import { estimateRunSeconds } from '../../analysis/run-cost/estimate-run.ts';
import { errorMessage, UserError } from '../../core/errors.ts';
import type { LatentSpace } from '../../fuzzer/generation/latent-source.ts';
import type { TestcaseData } from '../../inputs/testcase.ts';
import { type CodecModels, LatentCodec } from '../../latent/latent-codec.ts';
import { type SampleRequest, type Samples, sampleGenerator } from '../../latent/sample-generator.ts';
import { type LatentSurvey, surveyCodec } from '../../latent/survey.ts';
import type { CodecNames, CodecRoles } from '../../latent/tensor-roles.ts';
import { stripBatchDimension } from '../../model/batch-axis.ts';
import type { Model } from '../../model/model.ts';
import { loadWithinLimits } from '../load-within-limits.ts';

/** Paths of an encoder and a decoder, absolute; a generator is a decoder alone. */
export interface CodecPaths {
  readonly encoder?: string;
  readonly decoder: string;
}

/** The latent space of one input. Plain data. */
export interface LatentSetup extends CodecPaths {
  readonly roles: CodecRoles;
  /** Index of the input. */
  readonly input: number;
  /** Standard deviation of each latent value over the seeds. */
  readonly deviations: readonly number[];
  /** Of a generator, the latent vectors of its samples, by the ids of these. */
  readonly seedVectors?: ReadonlyMap<string, Float32Array>;
}

/** What to find out of an encoder and a decoder. */
export interface LatentRequest extends CodecPaths {
  readonly input: number;
  readonly seeds: readonly TestcaseData[];
  /** Class of each seed, below 0 where it is not known; undefined without labels. */
  readonly labels: readonly number[] | undefined;
  readonly names: CodecNames;
}

/** What an encoder and a decoder make of the seeds. Plain data. */
export interface LatentReport extends LatentSurvey {
  readonly roles: CodecRoles;
  readonly encoderSha256: string;
  readonly decoderSha256: string;
  /** Estimated seconds of encoding or decoding one testcase in a run of many. */
  readonly decodeSeconds: number;
}

/** Vectors in a run that the price of decoding is estimated for. */
const PRICED_ROWS = 64;

let opened: { readonly paths: CodecPaths; readonly models: CodecModels<Model> } | undefined;

/** Opens both models, once for all calls with these paths. @throws UserError where one can't be loaded, naming its flag */
async function openModels({ encoder, decoder }: CodecPaths): Promise<CodecModels<Model>> {
  if (opened !== undefined && opened.paths.encoder === encoder && opened.paths.decoder === decoder)
    return opened.models;
  await opened?.models.encoder?.dispose();
  await opened?.models.decoder.dispose();
  opened = undefined;
  const models =
    encoder === undefined
      ? { decoder: await open('--generator', decoder) }
      : { encoder: await open('--encoder', encoder), decoder: await open('--decoder', decoder) };
  opened = { paths: encoder === undefined ? { decoder } : { encoder, decoder }, models };
  return models;
}

async function open(flag: string, path: string): Promise<Model> {
  try {
    return await loadWithinLimits(path, { runtime: 'auto' });
  } catch (error) {
    throw error instanceof UserError ? new UserError(`${flag}: ${error.message}`) : error;
  }
}

/** Shapes that the encoder takes, without the batch; null for a free dimension. */
export async function encodedShapes(paths: CodecPaths): Promise<readonly (readonly (number | null)[])[]> {
  const { encoder } = await openModels(paths);
  return stripBatchDimension(encoder?.inputs ?? []).map(({ shape }) => shape);
}

/**
 * Finds out which tensors are what and what encoder and decoder make of the seeds.
 *
 * @param heartbeat called after each seed
 * @throws UserError where they do not fit the input or each other, or fail on a seed
 */
export async function surveyLatent(
  { input, seeds, labels, names, ...paths }: LatentRequest,
  heartbeat: () => void,
): Promise<LatentReport> {
  const { encoder, decoder } = await openModels(paths);
  const [first] = seeds;
  const { name, type, shape } = first.form.inputs[input];
  try {
    const codec = await LatentCodec.open(
      { encoder, decoder },
      { name, type, shape, values: first.inputs[input] },
      names,
    );
    if (codec.takesLabels && labels === undefined)
      throw new UserError(
        '--decoder: it takes the class of each input: set --labels, or give an encoder and a decoder without classes',
      );
    const rows = seeds.map(({ inputs }, i) => ({ type, values: inputs[input], label: labels?.[i] ?? -1 }));
    return {
      ...(await surveyCodec(codec, rows, heartbeat)),
      roles: codec.roles,
      encoderSha256: encoder?.sha256 ?? '',
      decoderSha256: decoder.sha256,
      decodeSeconds: secondsOf(decoder),
    };
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`--encoder: the encoder or the decoder fails on a seed: ${errorMessage(error)}`);
  }
}

function secondsOf(model: Model): number {
  const shapes = new Map(model.inputs.map(({ name, shape }) => [name, shape.map((size) => size ?? 1)]));
  return estimateRunSeconds(model.graph, shapes, model.runtime.kind, PRICED_ROWS);
}

/** Samples a generator. @throws UserError where it can't be loaded, or it is not clear what its inputs take */
export async function sampleGeneratorAt(
  path: string,
  request: SampleRequest,
): Promise<Samples & { readonly sha256: string; readonly decodeSeconds: number }> {
  const { decoder } = await openModels({ decoder: path });
  try {
    const samples = await sampleGenerator(decoder, request);
    return { ...samples, sha256: decoder.sha256, decodeSeconds: secondsOf(decoder) };
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`--generator: ${path} fails on a latent vector: ${errorMessage(error)}`);
  }
}

/** Opens a latent space that was surveyed before. */
export async function openSpace({
  roles,
  input,
  deviations,
  seedVectors,
  ...paths
}: LatentSetup): Promise<LatentSpace> {
  const codec = new LatentCodec(await openModels(paths), roles);
  return { codec, input, deviations, ...(seedVectors === undefined ? {} : { seedVectors }) };
}
