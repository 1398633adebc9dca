import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { resolveInputs } from '../../campaign/resolve/inputs.ts';
import type { Notices } from '../../campaign/resolve/model-settings.ts';
import type { CampaignConfig } from '../../config/schema.ts';
import { isMachineFailure, MachineError, systemReason, UserError } from '../../core/errors.ts';
import type { OnProgress } from '../../core/progress.ts';
import { randomStream } from '../../core/random.ts';
import { type ImageFormat, resolveImageFormat } from '../../inputs/image.ts';
import {
  figuresOf,
  type MeasuredPath,
  measureLinePaths,
  measurePaths,
  PATH_KINDS,
  type PathFigures,
  type PathKind,
  worstPaths,
} from '../../latent/check-paths.ts';
import { type CodecModel, type EncodedInput, LatentCodec } from '../../latent/latent-codec.ts';
import { drawLine, LINE_SIDE, ReferenceLines } from '../../latent/lines.ts';
import { type Curve, drawPairs, type Pair, rowsIn } from '../../latent/paths.ts';
import { type CodedRow, SURVEYED_INPUTS, surveyCodec } from '../../latent/survey.ts';
import { areShapesAlike, inputsText } from '../../latent/tensor-roles.ts';
import { stripBatchDimension } from '../../model/batch-axis.ts';
import type { InputSpec, ModelInfo } from '../../model/model.ts';
import { shapeSignatureOf } from '../../model/testcase-batch.ts';
import { argmax } from '../../objectives/output-difference.ts';
import { pictureTile, sheetPng, type Tile } from '../../saliency/sheet.ts';
import {
  DTYPES,
  makeData,
  readNumber,
  shapeText,
  sizeOf,
  type Tensor,
  writeNumber,
} from '../../tensor/tensor.ts';
import { type ModelSession, withModelSession } from '../../workers/model-session.ts';
import { makePaths, numbersOf } from './make-paths.ts';
import { sessionModel } from './session-model.ts';

/** Paths that are drawn as strips. */
const WORST_PATHS = 5;

/** File with the strips. */
const STRIPS_FILE = 'worst-paths.png';

/** What to check beside the settings. */
export interface CheckOptions {
  readonly encoder: string;
  readonly decoder: string;
  /** `lines` for models that were trained on drawn lines: no seeds are read. */
  readonly task: 'lines' | 'any';
  readonly pairs: number;
  readonly curve: Curve;
  /** Classifier in whose logits steps are measured; pixels without one. */
  readonly judge: string | undefined;
  /** Folder of the strips; undefined for none. */
  readonly out: string | undefined;
  readonly decoded: string | undefined;
  readonly latentInput: string | undefined;
}

/** What `check-interpolation` found. */
export interface CheckReport {
  readonly formatVersion: 1;
  readonly encoder: string;
  readonly decoder: string;
  readonly task: CheckOptions['task'];
  readonly pairs: number;
  readonly curve: Curve;
  readonly seeds: number;
  readonly seed: string;
  /** Mean squared error of reconstructions, and of the mean of all inputs in their place. */
  readonly reconstructionError: number;
  readonly meanError: number;
  /** Mean smallest cosine distance of reconstructions to an input or a line; of other data it counts as 0. */
  readonly reconstructionDistance: number;
  readonly figures: Readonly<Record<PathKind, PathFigures>>;
  /** The worst paths in latent space, by their largest step, with the seeds at their ends. */
  readonly worst: readonly (MeasuredPath & { readonly from: number; readonly to: number })[];
  /** Picture of the worst paths; null without one. */
  readonly strips: string | null;
}

/** Inputs to go between. */
interface CheckedInputs {
  readonly name: string;
  readonly shape: readonly number[];
  readonly rows: readonly CodedRow[];
  readonly imageFormat: ImageFormat | undefined;
}

type Config = CampaignConfig & { readonly seed: string };

/**
 * Measures how a decoder's paths between inputs look: after Berthelot, Raffel, Roy & Goodfellow (arXiv 1807.07543) for drawn lines, and by
 * distances to the inputs for any data.
 *
 * @throws UserError where the models fit neither each other nor the seeds
 */
export function checkInterpolation(
  config: Config,
  options: CheckOptions,
  notices: Notices,
  onProgress: OnProgress,
): Promise<CheckReport> {
  const sessionOf = <T>(model: string, use: (session: ModelSession) => Promise<T>): Promise<T> =>
    withModelSession({ ...config, model }, use);
  return sessionOf(options.encoder, (encoder) =>
    sessionOf(options.decoder, (decoder) =>
      options.judge === undefined
        ? check(config, options, { encoder, decoder }, notices, onProgress)
        : sessionOf(options.judge, (judge) =>
            check(config, options, { encoder, decoder, judge }, notices, onProgress),
          ),
    ),
  );
}

interface Sessions {
  readonly encoder: ModelSession;
  readonly decoder: ModelSession;
  readonly judge?: ModelSession;
}

async function check(
  config: Config,
  options: CheckOptions,
  sessions: Sessions,
  notices: Notices,
  onProgress: OnProgress,
): Promise<CheckReport> {
  const { task, curve, pairs: pairCount } = options;
  const inputs =
    task === 'lines' ? lineInputs(config.seed, pairCount) : await readInputs(config, sessions, notices);
  const { rows } = inputs;
  if (rows.length < 2)
    throw new UserError('--seeds: a path goes between two seeds, and there is one: give two or more');
  const [first] = rows;
  const example: EncodedInput = {
    name: inputs.name,
    type: first.type,
    shape: inputs.shape,
    values: first.values,
  };
  const codec = await LatentCodec.open(
    { encoder: sessionModel(sessions.encoder), decoder: sessionModel(sessions.decoder) },
    example,
    { decoded: options.decoded, latentInput: options.latentInput },
  );
  if (codec.takesLabels && rows.some(({ label }) => label < 0))
    throw new UserError('the models take the class of each input: set --labels');
  let done = 0;
  const progress = (label: string, total: number): void =>
    onProgress({ label, done: ++done, total, unit: 'input' });
  const survey = await surveyCodec(codec, rows, () =>
    progress('encoding', Math.min(rows.length, SURVEYED_INPUTS)),
  );
  const pairs =
    task === 'lines'
      ? Array.from({ length: pairCount }, (_, i): Pair => [2 * i, 2 * i + 1])
      : drawPairs(rows.length, pairCount, randomStream(config.seed, 'pairs'));
  const paths = await makePaths(codec, rows, pairs, curve);
  const measured = new Map<PathKind, MeasuredPath[]>();
  const measureKind = await measurer(inputs, task, sessions.judge);
  for (const kind of PATH_KINDS) {
    measured.set(kind, await measureKind(paths[kind]));
    onProgress({ label: 'measuring paths', done: measured.size, total: PATH_KINDS.length, unit: 'kind' });
  }
  const ofKind = (kind: PathKind): MeasuredPath[] => measured.get(kind) ?? [];
  const ends = paths.latent.map((points) => [points[0], points[points.length - 1]]);
  const reconstructionDistance = figuresOf(await measureKind(ends), true).distance;
  const zero = task === 'lines' ? 0 : reconstructionDistance;
  const figures = Object.fromEntries(
    PATH_KINDS.map((kind) => [kind, figuresOf(ofKind(kind), task === 'lines', zero)]),
  ) as Record<PathKind, PathFigures>;
  const worst = worstPaths(ofKind('latent'), WORST_PATHS);
  return {
    formatVersion: 1,
    encoder: options.encoder,
    decoder: options.decoder,
    task,
    pairs: pairCount,
    curve,
    seeds: rows.length,
    seed: config.seed,
    reconstructionError: survey.reconstructionError,
    meanError: survey.meanError,
    reconstructionDistance,
    figures,
    worst: worst.map((path) => ({ ...path, from: pairs[path.pair][0], to: pairs[path.pair][1] })),
    strips: await writeStrips(options.out, inputs, worst, paths.latent),
  };
}

/** Drawn lines at random angles, two for each pair. */
function lineInputs(seed: string, pairs: number): CheckedInputs {
  const random = randomStream(seed, 'lines');
  const rows = Array.from({ length: 2 * pairs }, () => ({
    type: 'float32' as const,
    values: drawLine(2 * Math.PI * random.uniform()),
    label: -1,
  }));
  const shape = [LINE_SIDE, LINE_SIDE, 1];
  const spec: InputSpec = { name: 'line', type: 'float32', shape };
  return { name: 'line', shape, rows, imageFormat: resolveImageFormat(spec, undefined, [-1, 1]) };
}

/** The seeds of the input that the encoder takes: that with the most values, beside which there may be a class. */
async function readInputs(config: Config, { encoder }: Sessions, notices: Notices): Promise<CheckedInputs> {
  const info = encoder.info;
  const specs = stripBatchDimension(info.inputs);
  const sizes = specs.map(({ shape }) => shape.reduce<number>((product, size) => product * (size ?? 1), 1));
  const image = sizes.indexOf(Math.max(...sizes));
  const alone: ModelInfo = {
    ...info,
    inputs: [info.inputs[image]],
    ...(info.evidence === undefined ? {} : { evidence: [info.evidence[image]] }),
  };
  if (config.seeds === undefined)
    throw new UserError(
      '--seeds: name the inputs to go between, or check models of drawn lines with --task lines',
    );
  const { seeds, labels, imageFormats } = await resolveInputs(alone, config, config.seed, notices);
  const sized = seeds.filter(({ form }) => form.key === seeds[0].form.key);
  const [{ name, type, shape }] = sized[0].form.inputs;
  return {
    name,
    shape,
    rows: sized.map((seed) => ({ type, values: seed.inputs[0], label: labels?.get(seed) ?? -1 })),
    imageFormat: imageFormats[0],
  };
}

/** Measures the paths of a kind: by nearest lines, or by distances to the inputs and steps in the logits of a judge. */
async function measurer(
  { rows, shape }: CheckedInputs,
  task: CheckOptions['task'],
  judge: ModelSession | undefined,
): Promise<(paths: readonly (readonly Float32Array[])[]) => Promise<MeasuredPath[]>> {
  if (task === 'lines') {
    const lines = new ReferenceLines();
    return async (paths) => measureLinePaths(lines, paths);
  }
  const inputs = rows.map(numbersOf);
  const model = judge && sessionModel(judge);
  return async (paths) => {
    if (model === undefined) return measurePaths(inputs, paths, paths, undefined);
    const logits: Float32Array[][] = [];
    for (const points of paths) logits.push(await logitsOf(model, points, shape));
    const classes = logits.map((path) => path.map((point) => argmax(Float64Array.from(point))));
    return measurePaths(inputs, paths, logits, classes);
  };
}

/** A judge's scores of points. @throws UserError where it has none, or takes other inputs */
async function logitsOf(
  model: CodecModel,
  points: readonly Float32Array[],
  shape: readonly number[],
): Promise<Float32Array[]> {
  const [input, ...others] = model.inputs;
  if (others.length > 0 || !areShapesAlike(input.shape.slice(1), shape))
    throw new UserError(
      `--judge: ${model.path} takes ${inputsText(stripBatchDimension(model.inputs))}, and the paths are of ${shapeText(shape)}: name a classifier of these inputs`,
    );
  const size = points[0].length;
  const values = new Float32Array(points.length * size);
  points.forEach((point, i) => {
    values.set(point, i * size);
  });
  const sizes = input.shape.slice(1).map((dimension, i) => dimension ?? shape[i] ?? 1);
  const { outputs } = await model.run([tensorOf(input, points.length, sizes, values)], []);
  const output = outputs.find(
    ({ type, data }) => DTYPES[type].kind === 'float' && data.length > points.length,
  );
  if (output === undefined)
    throw new UserError(
      `--judge: ${model.path} has no output with a value for each class: name a classifier`,
    );
  return rowsIn(
    Float32Array.from({ length: output.data.length }, (_, i) => readNumber(output.type, output.data, i)),
    output.data.length / points.length,
  );
}

function tensorOf({ type }: InputSpec, rows: number, shape: readonly number[], values: Float32Array): Tensor {
  const data = makeData(type, values.length);
  for (let i = 0; i < values.length; i++) writeNumber(type, data, i, values[i]);
  return { type, shape: [rows, ...shape], data };
}

/** Draws the worst paths, a row each; null where nothing is to be written, or inputs are no pictures. */
async function writeStrips(
  folder: string | undefined,
  { name, shape, imageFormat }: CheckedInputs,
  worst: readonly MeasuredPath[],
  paths: readonly (readonly Float32Array[])[],
): Promise<string | null> {
  if (folder === undefined || imageFormat === undefined || worst.length === 0) return null;
  const form = shapeSignatureOf([{ name, type: 'float32', shape, size: sizeOf(shape) }]);
  const tiles = worst.map(({ pair }) =>
    paths[pair].map((values): Tile => pictureTile(0, imageFormat, { form, inputs: [values.slice()] })),
  );
  const path = join(folder, STRIPS_FILE);
  try {
    await mkdir(folder, { recursive: true });
    await writeFile(path, await sheetPng(tiles));
  } catch (error) {
    const text = `--out: cannot write to ${folder}: ${systemReason(error)}`;
    throw isMachineFailure(error) ? new MachineError(text) : new UserError(text);
  }
  return path;
}
