import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isMachineFailure, MachineError, systemReason, UserError } from '../../core/errors.ts';
import { VERSION } from '../../core/package-files.ts';
import type { OnProgress } from '../../core/progress.ts';
import { randomStream, shuffle } from '../../core/random.ts';
import { figuresOf, measureLinePaths, measurePaths, type PathFigures } from '../../latent/check-paths.ts';
import { LatentCodec } from '../../latent/latent-codec.ts';
import { ReferenceLines } from '../../latent/lines.ts';
import { drawPairs } from '../../latent/paths.ts';
import { type CodedRow, surveyCodec } from '../../latent/survey.ts';
import type { Scale, Sizes } from '../../latent/training/networks.ts';
import { trainAutoencoder } from '../../latent/training/train-autoencoder.ts';
import { writeModels } from '../../latent/training/write-models.ts';
import { loadModel } from '../../model/formats/registry.ts';
import { makePaths } from './make-paths.ts';
import { type DataSource, type LatentData, readTrainingData } from './training-data.ts';

/** Share of the inputs that are held out. */
const HELD_OUT_SHARE = 0.1;

/** Pairs of held-out inputs whose paths are measured. */
const PAIRS = 64;

/** How to train. */
export interface TrainOptions extends DataSource {
  readonly size: number;
  /** Values of each of the two hidden layers. */
  readonly hidden: number;
  readonly steps: number;
  readonly hasCritic: boolean;
  /** Trains one with a critic and one without. */
  readonly compares: boolean;
  readonly out: string;
  readonly overwrite: boolean;
}

/** `card.json`: what was trained, on what, and how well it does. */
export interface LatentCard {
  readonly formatVersion: 1;
  readonly neurofuzz: string;
  readonly seed: string;
  readonly data: {
    readonly sha256: string;
    readonly inputs: number;
    readonly heldOut: number;
    readonly shape: readonly number[];
    readonly classes: number;
  };
  readonly network: {
    readonly kind: 'autoencoder' | 'conditional variational autoencoder' | 'autoencoder with a critic (ACAI)';
    readonly latent: number;
    readonly hidden: readonly number[];
    readonly steps: number;
    readonly batch: number;
  };
  /** Mean squared errors of reconstructions, and of the mean of the inputs in their place. */
  readonly errors: { readonly training: number; readonly heldOut: number; readonly mean: number };
  /** Of paths between held-out inputs. */
  readonly interpolation: { readonly latent: PathFigures; readonly pixels: PathFigures };
}

/** A trained autoencoder and its folder. */
export interface TrainedLatent {
  readonly folder: string;
  readonly card: LatentCard;
}

/**
 * Trains an encoder and a decoder on inputs and writes both, as ONNX and TensorFlow.js models, with their card. The same inputs, settings and
 * seed give the same files on one machine.
 *
 * @throws UserError where the inputs do not suffice, or the folder holds models already
 */
export async function trainLatent(options: TrainOptions, onProgress: OnProgress): Promise<TrainedLatent[]> {
  const variants = options.compares
    ? [
        { hasCritic: false, folder: join(options.out, 'plain') },
        { hasCritic: true, folder: join(options.out, 'acai') },
      ]
    : [{ hasCritic: options.hasCritic, folder: options.out }];
  if (variants.some(({ hasCritic }) => hasCritic) && options.labels !== undefined)
    throw new UserError('--acai is for autoencoders without classes: leave --labels out');
  for (const { folder } of variants)
    if (!options.overwrite && existsSync(join(folder, CARD_FILE)))
      throw new UserError(
        `--out: ${folder} holds trained models already: name another folder, or replace them with --overwrite`,
      );
  const data = await readTrainingData(options);
  const trained: TrainedLatent[] = [];
  for (const [i, { hasCritic, folder }] of variants.entries()) {
    const label = variants.length > 1 ? `training ${i + 1} of ${variants.length}` : 'training';
    const card = await trainOne(data, { ...options, hasCritic }, folder, (done) =>
      onProgress({ label, done, total: options.steps, unit: 'step' }),
    );
    trained.push({ folder, card });
  }
  return trained;
}

/** The record of a training beside its models. */
export const CARD_FILE = 'card.json';

async function trainOne(
  data: LatentData,
  { size, hidden, steps, seed, hasCritic, task }: TrainOptions,
  folder: string,
  onStep: (steps: number) => void,
): Promise<LatentCard> {
  const { input, inputs, count, labels } = data;
  const values = inputs.length / count;
  const order = shuffle(
    Int32Array.from({ length: count }, (_, i) => i),
    randomStream(seed, 'held out'),
  );
  const heldOut = [...order.subarray(0, Math.max(2, Math.floor(HELD_OUT_SHARE * count)))];
  const kept = [...order.subarray(heldOut.length)];
  const rowsOfIndices = (indices: readonly number[]): CodedRow[] =>
    indices.map((i) => ({
      type: 'float32',
      values: inputs.subarray(i * values, (i + 1) * values),
      label: labels?.[i] ?? -1,
    }));
  const training = new Float32Array(kept.length * values);
  kept.forEach((from, to) => {
    training.set(inputs.subarray(from * values, (from + 1) * values), to * values);
  });
  const classes = labels === undefined ? 0 : Math.max(...labels) + 1;
  const sizes: Sizes = { input: values, latent: size, hidden, classes };
  const autoencoder = await trainAutoencoder(
    { inputs: training, labels: labels && kept.map((i) => labels[i]) },
    { sizes, scale: scaleOf(training), steps, hasCritic, seed, onStep },
  );
  await writing(folder, async () => {
    await mkdir(folder, { recursive: true });
    await writeModels(folder, autoencoder, input);
  });
  const encoder = await loadModel(join(folder, 'encoder.onnx'), { runtime: 'auto' });
  const decoder = await loadModel(join(folder, 'decoder.onnx'), { runtime: 'auto' });
  const [first] = rowsOfIndices(heldOut);
  const codec = await LatentCodec.open(
    { encoder, decoder },
    { ...first, name: input.name, shape: input.shape },
  );
  const tested = await surveyCodec(codec, rowsOfIndices(heldOut));
  const trainedOn = await surveyCodec(codec, rowsOfIndices(kept));
  const card: LatentCard = {
    formatVersion: 1,
    neurofuzz: VERSION,
    seed,
    data: {
      sha256: data.sha256,
      inputs: count,
      heldOut: heldOut.length,
      shape: [...input.shape],
      classes,
    },
    network: {
      kind: hasCritic
        ? 'autoencoder with a critic (ACAI)'
        : classes > 0
          ? 'conditional variational autoencoder'
          : 'autoencoder',
      latent: size,
      hidden: [hidden, hidden],
      steps,
      batch: 64,
    },
    errors: {
      training: trainedOn.reconstructionError,
      heldOut: tested.reconstructionError,
      mean: tested.meanError,
    },
    interpolation: await measureInterpolation(codec, rowsOfIndices(heldOut), task, seed),
  };
  await encoder.dispose();
  await decoder.dispose();
  await writing(folder, () => writeFile(join(folder, CARD_FILE), `${JSON.stringify(card, null, 2)}\n`));
  return card;
}

async function measureInterpolation(
  codec: LatentCodec,
  rows: readonly CodedRow[],
  task: TrainOptions['task'],
  seed: string,
): Promise<LatentCard['interpolation']> {
  const pairs = drawPairs(rows.length, PAIRS, randomStream(seed, 'pairs'));
  const { latent, pixels } = await makePaths(codec, rows, pairs, 'line');
  if (task === 'lines') {
    const lines = new ReferenceLines();
    return {
      latent: figuresOf(measureLinePaths(lines, latent), true),
      pixels: figuresOf(measureLinePaths(lines, pixels), true),
    };
  }
  const inputs = rows.map(({ values }) => values as Float32Array);
  const ends = latent.map((points) => [points[0], points[points.length - 1]]);
  const zero = figuresOf(measurePaths(inputs, ends, ends, undefined), false).distance;
  return {
    latent: figuresOf(measurePaths(inputs, latent, latent, undefined), false, zero),
    pixels: figuresOf(measurePaths(inputs, pixels, pixels, undefined), false, zero),
  };
}

/** Middle and half width of the values' range. */
function scaleOf(values: Float32Array): Scale {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return { middle: (low + high) / 2, half: (high - low) / 2 || 1 };
}

async function writing(folder: string, action: () => Promise<void>): Promise<void> {
  try {
    await action();
  } catch (error) {
    const text = `--out: cannot write to ${folder}: ${systemReason(error)}`;
    throw isMachineFailure(error) ? new MachineError(text) : new UserError(text);
  }
}
