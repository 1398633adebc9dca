import { createHash } from 'node:crypto';
import { groupByInput } from '../../config/values.ts';
import { UserError } from '../../core/errors.ts';
import { randomStream } from '../../core/random.ts';
import { looksLikeImage, resolveImageFormat } from '../../inputs/image.ts';
import { parseLabelSource, resolveLabels } from '../../inputs/labels.ts';
import { readSeeds } from '../../inputs/read-seeds.ts';
import { readSeedFiles } from '../../inputs/seed-files.ts';
import { drawLine, LINE_SIDE, LINE_VALUES } from '../../latent/lines.ts';
import type { CodedInput } from '../../latent/training/write-models.ts';
import type { InputSpec } from '../../model/model.ts';
import { bytesOf, readNumber, sizeOf } from '../../tensor/tensor.ts';

/** Least inputs that an autoencoder is trained on. */
const LEAST_INPUTS = 500;

/** Lines that are drawn for `--task lines`. */
const DRAWN_LINES = 10_000;

/** What an autoencoder is trained and tested on. */
export interface LatentData {
  readonly input: CodedInput;
  /** `[count, values]` */
  readonly inputs: Float32Array;
  readonly count: number;
  readonly labels: readonly number[] | undefined;
  /** Digest of values and labels. */
  readonly sha256: string;
}

/** Where the inputs come from. */
export interface DataSource {
  /** `lines` draws them. */
  readonly task: 'lines' | 'any';
  readonly seeds: Parameters<typeof groupByInput>[0];
  readonly labels: string | undefined;
  readonly seed: string;
}

/**
 * Reads the inputs that an autoencoder is trained on, whose type and shape are those of their files; pictures have to be arrays.
 *
 * @throws UserError where they can't be read, differ in shape, or are too few
 */
export async function readTrainingData({ task, seeds, labels, seed }: DataSource): Promise<LatentData> {
  if (task === 'lines') {
    if (seeds !== undefined || labels !== undefined)
      throw new UserError('--task lines draws its inputs: leave --seeds and --labels out');
    return drawnLines(seed);
  }
  if (seeds === undefined)
    throw new UserError('--seeds: name the inputs to train on, or draw lines with --task lines');
  const input = await describeArrays(seeds);
  const specs: InputSpec[] = [{ name: input.name, type: input.type, shape: [null, ...input.shape] }];
  const isFloat = input.type.startsWith('float');
  const interval = isFloat ? ([0, 1] as const) : ([0, 255] as const);
  const spec: InputSpec = { ...specs[0], shape: input.shape };
  const imageFormat = looksLikeImage(input.shape) ? resolveImageFormat(spec, undefined, interval) : undefined;
  const source = labels === undefined ? undefined : parseLabelSource(labels);
  const sources = {
    labelColumn: source?.kind === 'column' ? source.column : undefined,
    paths: [],
    labels: [],
  };
  const read = await readSeeds(
    specs,
    groupByInput(seeds, [input.name]),
    () => ({ imageFormat, interval }),
    sources,
  );
  if (read.length < LEAST_INPUTS)
    throw new UserError(
      `--seeds: an autoencoder needs ${LEAST_INPUTS} inputs or more, and there are ${read.length}: give more, such as training data`,
    );
  const resolved = source && (await resolveLabels(source, sources.paths, sources.labels)).labels;
  const size = sizeOf(input.shape);
  const inputs = new Float32Array(read.length * size);
  read.forEach(({ inputs: [values] }, row) => {
    for (let i = 0; i < size; i++) inputs[row * size + i] = readNumber(input.type, values, i);
  });
  return { input, inputs, count: read.length, labels: resolved, sha256: digestOf(inputs, resolved) };
}

/** Name, type and shape of the first array among the seeds. */
async function describeArrays(seeds: NonNullable<DataSource['seeds']>): Promise<CodedInput> {
  const { forAll, byName } = groupByInput(seeds, []);
  const [path] = [...forAll, ...[...byName].map(([, value]) => value)];
  if (path === undefined) throw new UserError('--seeds: name the inputs to train on');
  const [file] = await readSeedFiles(path);
  const entry = [...file.arrays].find(([, { shape }]) => shape.length >= 2);
  if (file.pixels === 'one' || entry === undefined)
    throw new UserError(
      `--seeds: ${path} holds no array of inputs, with one row each: give .npz, .npy or .idx files`,
    );
  const [name, { type, shape, isString }] = entry;
  if (isString === true)
    throw new UserError(`--seeds: ${path} holds strings, and an autoencoder takes numbers`);
  // What a runtime computes with: most models take it.
  return { name: name ?? 'x', type: type === 'float64' ? 'float32' : type, shape: shape.slice(1) };
}

function drawnLines(seed: string): LatentData {
  const random = randomStream(seed, 'training lines');
  const inputs = new Float32Array(DRAWN_LINES * LINE_VALUES);
  for (let line = 0; line < DRAWN_LINES; line++)
    inputs.set(drawLine(2 * Math.PI * random.uniform()), line * LINE_VALUES);
  const input = { name: 'line', type: 'float32' as const, shape: [LINE_SIDE, LINE_SIDE, 1] };
  return { input, inputs, count: DRAWN_LINES, labels: undefined, sha256: digestOf(inputs, undefined) };
}

function digestOf(inputs: Float32Array, labels: readonly number[] | undefined): string {
  const hash = createHash('sha256').update(bytesOf(inputs));
  if (labels !== undefined) hash.update(JSON.stringify(labels));
  return hash.digest('hex');
}
