import { UserError } from '../../core/errors.ts';
import { plural } from '../../core/format-number.ts';
import { randomStream } from '../../core/random.ts';
import { resolveLabels } from '../../inputs/labels.ts';
import { readSeedFiles } from '../../inputs/seed-files.ts';
import type { Layout } from '../../mutators/image/layout.ts';
import { countingTask, MAX_SQUARES } from '../../reprogram/squares.ts';
import type { TaskPictures } from '../../reprogram/task-pictures.ts';
import { readNumber, shapeText, sizeOf, type Tensor } from '../../tensor/tensor.ts';
import type { TaskOptions } from './prepare.ts';

/** Inputs of a bundled task. */
const BUNDLED_COUNT = 5000;

/** Shortest side of a picture that squares are drawn on. */
const MIN_SQUARES_SIDE = 7;

/** The model's input that a task is embedded in. */
export interface HostInput {
  readonly name: string;
  readonly layout: Layout;
  /** Whether it takes pictures; else its values are one row. */
  readonly isPicture: boolean;
  readonly channelsFirst: boolean;
}

/**
 * Reads the inputs and labels of a task, or draws those of a bundled one.
 *
 * @param seed master seed
 * @throws UserError where they can't be read, or are larger than the model's input
 */
export async function readTask(task: TaskOptions, host: HostInput, seed: string): Promise<TaskPictures> {
  const squares = /^squares(?::(.*))?$/.exec(task.name);
  if (squares !== null) return squaresTask(task, squares[1] ?? '', host, seed);
  if (task.labels === undefined)
    throw new UserError(`--task: ${task.name} needs labels: set --task-labels, or use the bundled squares:2`);
  const rows = await readRows(task.name, host);
  const { labels } = await renamed('--task-labels', () =>
    resolveLabels({ kind: 'file', path: task.labels ?? '' }, new Array(rows.pictures.length).fill(''), []),
  );
  return { ...rows, labels, labelCount: labels.reduce((most, label) => Math.max(most, label), 0) + 1 };
}

function squaresTask(
  { labels }: TaskOptions,
  text: string,
  { name, layout, isPicture }: HostInput,
  seed: string,
): TaskPictures {
  const most = Number(text);
  if (!Number.isInteger(most) || most < 2 || most > MAX_SQUARES)
    throw new UserError(`--task: squares:k counts 1 to k squares, k from 2 to ${MAX_SQUARES}, not '${text}'`);
  if (labels !== undefined)
    throw new UserError('--task-labels belong to inputs of your own: the labels of squares are known');
  const side = Math.min(layout.height, layout.width);
  if (!isPicture || side < MIN_SQUARES_SIDE)
    throw new UserError(
      `--task: squares are drawn on pictures of ${MIN_SQUARES_SIDE} pixels or more, and input ${name} takes none: give inputs with --task`,
    );
  return countingTask(most, side, BUNDLED_COUNT, randomStream(seed, 'reprogram', 'squares'));
}

/** Reads the inputs of a task, with values scaled to levels: the least of all is 0, the largest 1. */
async function readRows(
  path: string,
  host: HostInput,
): Promise<Pick<TaskPictures, 'height' | 'width' | 'channels' | 'factor' | 'pictures'>> {
  const files = await renamed('--task', () => readSeedFiles(path));
  const rows = files.flatMap(({ path: file, arrays, pixels }) => {
    if (arrays.size !== 1)
      throw new UserError(`--task: ${file} holds ${plural(arrays.size, 'array')}: use a file with one`);
    const [tensor] = arrays.values();
    if (tensor.isString === true) throw new UserError(`--task: ${file} holds strings: give numbers`);
    return pixels === 'one' ? [rowOf(tensor, tensor.shape, 0)] : rowsOf(tensor, file);
  });
  const [first] = rows;
  const other = rows.find(({ shape }) => shape.join() !== first.shape.join());
  if (first === undefined) throw new UserError(`--task: ${path} is empty: give inputs`);
  if (other !== undefined)
    throw new UserError(
      `--task: ${path} has inputs of ${shapeText(first.shape)} and of ${shapeText(other.shape)}: give inputs of one shape`,
    );
  const sides = sidesOf(first.shape, host, path);
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const { values } of rows)
    for (const value of values) {
      if (!Number.isFinite(value)) throw new UserError(`--task: ${path} holds ${value}: give finite numbers`);
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
  if (low === high) throw new UserError(`--task: all values of ${path} are ${low}: give inputs that differ`);
  const pictures = rows.map(({ values }) => {
    const levels = values.map((value) => (value - low) / (high - low));
    return sides.isChannelsFirst ? channelsLast(levels, sides) : levels;
  });
  return { ...sides, pictures };
}

interface Row {
  readonly shape: readonly number[];
  readonly values: Float64Array;
}

function rowsOf(tensor: Tensor, file: string): Row[] {
  const [count, ...shape] = tensor.shape;
  if (shape.length === 0)
    throw new UserError(
      `--task: ${file} holds single numbers: give [count, height, width] or [count, values]`,
    );
  return Array.from({ length: count }, (_, i) => rowOf(tensor, shape, i));
}

function rowOf({ type, data }: Tensor, shape: readonly number[], row: number): Row {
  const size = sizeOf(shape);
  return {
    shape,
    values: Float64Array.from({ length: size }, (_, i) => readNumber(type, data, row * size + i)),
  };
}

interface Sides {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly isChannelsFirst: boolean;
  readonly factor?: number;
}

/** @throws UserError where the inputs do not fit into the model's */
function sidesOf(shape: readonly number[], host: HostInput, path: string): Sides {
  const { name, layout, isPicture, channelsFirst } = host;
  const refuse = (why: string): never => {
    throw new UserError(`--task: inputs of ${path} are ${shapeText(shape)}, ${why}`);
  };
  if (!isPicture) {
    const size = sizeOf(shape);
    if (size >= layout.width)
      refuse(`and input ${name} has ${layout.width} values: a program needs some of them`);
    return { height: 1, width: size, channels: 1, isChannelsFirst: false, factor: 1 };
  }
  if (shape.length < 2 || shape.length > 3)
    refuse(
      `and input ${name} takes pictures: give [count, height, width] or [count, height, width, channels]`,
    );
  const isChannelsFirst = shape.length === 3 && channelsFirst;
  const [height, width] = isChannelsFirst ? shape.slice(1) : shape;
  const channels = shape.length === 2 ? 1 : isChannelsFirst ? shape[0] : shape[2];
  if (channels !== 1 && channels !== layout.channels)
    refuse(`with ${plural(channels, 'channel')}, and input ${name} has ${layout.channels}`);
  if (height > layout.height || width > layout.width)
    refuse(`larger than input ${name}, which is ${layout.height} by ${layout.width}: make them smaller`);
  return { height, width, channels, isChannelsFirst };
}

function channelsLast(values: Float64Array, { height, width, channels }: Sides): Float64Array {
  const area = height * width;
  return values.map((_, i) => values[(i % channels) * area + Math.floor(i / channels)]);
}

/** Errors of readers that name another flag. */
async function renamed<T>(flag: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const text = error.message.replaceAll('--labels', flag).replaceAll('--seeds', flag);
    throw new UserError(text.replace(/\bseed(s?)\b/g, 'input$1'));
  }
}
