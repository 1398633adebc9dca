import type { Named } from '../config/values.ts';
import { UserError } from '../errors.ts';
import type { InputSpec } from '../models/model.ts';
import { batchAxis, type RowInput, type RowLayout, rowInput, testcaseShape } from '../models/rows.ts';
import {
  copyOf,
  DTYPES,
  type DType,
  makeData,
  readNumber,
  rowsOf,
  shapeText,
  sizeOf,
  type Tensor,
  type TensorData,
  writeNumber,
} from '../models/tensor.ts';
import type { Random } from '../random.ts';
import { didYouMean } from '../suggest.ts';
import { readSeedFiles, type SeedFile } from './files.ts';

/** Seeds that fit a model: for each, one row of values for each input. */
export interface Seeds {
  readonly layout: RowLayout;
  readonly rows: readonly (readonly TensorData[])[];
}

/** An interval that 8-bit picture levels are laid onto, for each input; undefined keeps 0 to 1. */
export type PixelScale = (input: string) => readonly [low: number, high: number] | undefined;

interface Column {
  readonly input: InputSpec;
  readonly shape: readonly number[];
  readonly rows: TensorData[];
}

/**
 * Reads seeds from files and folders and fits them to the model's inputs. A file may hold one testcase or a
 * batch of them; where a model has several inputs their rows are paired in order.
 *
 * @throws UserError on files that can't be read, shapes or types that don't fit, values that are not finite
 */
export async function readSeeds(
  inputs: readonly InputSpec[],
  places: Named<string>,
  scale: PixelScale,
): Promise<Seeds> {
  const axis = batchAxis(inputs);
  const collected = new Map<string, Column>();
  const take = (input: InputSpec, tensor: Tensor, file: SeedFile): void => {
    const column = fitColumn(input, testcaseShape(input, axis), tensor, file, scale);
    const before = collected.get(input.name);
    if (before === undefined) collected.set(input.name, column);
    else {
      if (String(before.shape) !== String(column.shape)) {
        throw new UserError(
          `${file.path} holds testcases of ${shapeText(column.shape)} for input ${input.name}, others of ${shapeText(before.shape)}: give seeds of one shape`,
        );
      }
      for (const row of column.rows) before.rows.push(row);
    }
  };

  for (const [name, path] of places.byName) {
    const input = inputNamed(inputs, name, path);
    for (const file of await readSeedFiles(path)) take(input, soleArray(file, input.name), file);
  }
  for (const path of places.forAll) {
    for (const file of await readSeedFiles(path)) {
      for (const [name, tensor] of file.arrays) {
        if (name === null) take(soleInput(inputs, file), tensor, file);
        else if (file.arrays.size === 1 && inputs.length === 1) take(inputs[0], tensor, file);
        else take(inputNamed(inputs, name, file.path), tensor, file);
      }
    }
  }
  return pair(inputs, axis, collected);
}

/** Draws seeds uniformly within each input's range, for a user who gave none. */
export function drawSeeds(
  inputs: readonly InputSpec[],
  rangeOf: (input: InputSpec) => readonly [low: number, high: number],
  count: number,
  random: Random,
): Seeds {
  const axis = batchAxis(inputs);
  const layout = {
    axis,
    inputs: inputs.map((input): RowInput => {
      const shape = testcaseShape(input, axis);
      const free = shape.indexOf(null);
      if (free >= 0) {
        throw new UserError(
          `input ${input.name} is ${shapeText(shape)}, with a size left open: give seeds of the size to fuzz with --seeds`,
        );
      }
      return rowInput(input, shape as readonly number[]);
    }),
  };
  const rows = Array.from({ length: count }, () =>
    layout.inputs.map((input, i) => {
      const [low, high] = rangeOf(inputs[i]);
      const data = makeData(input.type, input.size);
      for (let k = 0; k < input.size; k++)
        writeNumber(input.type, data, k, low + (high - low) * random.uniform());
      return data;
    }),
  );
  return { layout, rows };
}

function inputNamed(inputs: readonly InputSpec[], name: string, source: string): InputSpec {
  const found = inputs.find((input) => input.name === name);
  if (found !== undefined) return found;
  const names = inputs.map((input) => input.name);
  const near = didYouMean(name, names);
  throw new UserError(
    `${source} names an input ${name}, which the model does not have: ${near || `its inputs are ${names.join(', ')}`}`,
  );
}

function soleInput(inputs: readonly InputSpec[], file: SeedFile): InputSpec {
  if (inputs.length === 1) return inputs[0];
  const names = inputs.map((input) => input.name);
  throw new UserError(
    `${file.path} does not say which input it is for: write ${names.map((name) => `${name}=PATH`).join(' ')}, or an .npz with arrays of these names`,
  );
}

function soleArray(file: SeedFile, input: string): Tensor {
  const tensor =
    file.arrays.get(input) ?? (file.arrays.size === 1 ? [...file.arrays.values()][0] : undefined);
  if (tensor === undefined) {
    throw new UserError(`${file.path} holds several arrays, none named ${input}: name one of them ${input}`);
  }
  return tensor;
}

function pair(
  inputs: readonly InputSpec[],
  axis: RowLayout['axis'],
  collected: ReadonlyMap<string, Column>,
): Seeds {
  const columns = inputs.map((input) => {
    const column = collected.get(input.name);
    if (column === undefined)
      throw new UserError(`no seeds for input ${input.name}: add ${input.name}=PATH to --seeds`);
    return column;
  });
  const count = columns[0].rows.length;
  for (const column of columns) {
    if (column.rows.length !== count) {
      throw new UserError(
        `input ${columns[0].input.name} has ${count} seeds and input ${column.input.name} ${column.rows.length}: they are paired row by row, so give as many of each`,
      );
    }
  }
  return {
    layout: { axis, inputs: columns.map((column) => rowInput(column.input, column.shape)) },
    rows: Array.from({ length: count }, (_, row) => columns.map((column) => column.rows[row])),
  };
}

function fitColumn(
  input: InputSpec,
  wanted: readonly (number | null)[],
  given: Tensor,
  file: SeedFile,
  scale: PixelScale,
): Column {
  const tensor = file.pixels && wanted.at(-1) === 3 && given.shape.at(-1) === 1 ? coloured(given) : given;
  const shapes = rowShape(tensor.shape, wanted);
  if (shapes === undefined) {
    throw new UserError(
      `${file.path} holds ${shapeText(tensor.shape)} values; input ${input.name} takes testcases of ${shapeText(wanted)}: give one such array, or a batch with one more dimension in front`,
    );
  }
  if (shapes.count === 0) throw new UserError(`${file.path} holds no testcase`);
  const size = sizeOf(shapes.shape);
  const pixels =
    file.pixels && DTYPES[input.type].kind === 'float' ? (scale(input.name) ?? ([0, 1] as const)) : undefined;
  const rows = Array.from({ length: shapes.count }, (_, row) =>
    convert(
      rowsOf(tensor.data, size, row, row + 1),
      tensor.type,
      input,
      pixels,
      `${file.path}, testcase ${row}`,
    ),
  );
  return { input, shape: shapes.shape, rows };
}

/** A grey picture as a model of colour pictures takes it. */
function coloured({ type, shape, data }: Tensor): Tensor {
  const wide = makeData(type, 3 * data.length);
  for (let i = 0; i < wide.length; i++) wide[i] = data[Math.floor(i / 3)];
  return { type, shape: [...shape.slice(0, -1), 3], data: wide };
}

/**
 * How a file's array divides into testcases: equal shapes, one more dimension in front, or the same up to
 * dimensions of 1 (a grey picture without its channel) or flattening.
 */
function rowShape(
  shape: readonly number[],
  wanted: readonly (number | null)[],
): { readonly count: number; readonly shape: readonly number[] } | undefined {
  const matches = (candidate: readonly number[]): readonly number[] | undefined => {
    if (candidate.length === wanted.length && wanted.every((d, i) => d === null || d === candidate[i]))
      return candidate;
    if (wanted.some((d) => d === null)) return undefined;
    const whole = wanted as readonly number[];
    const squeezed = (dims: readonly number[]): string => String(dims.filter((d) => d !== 1));
    const flat = candidate.length === 1 || whole.length === 1;
    const same = squeezed(candidate) === squeezed(whole) || (flat && sizeOf(candidate) === sizeOf(whole));
    return same && candidate.length > 0 ? whole : undefined;
  };
  const batch = shape.length > 0 ? matches(shape.slice(1)) : undefined;
  const exact = shape.length === wanted.length ? matches(shape) : undefined;
  if (exact !== undefined) return { count: 1, shape: exact };
  if (batch !== undefined) return { count: shape[0], shape: batch };
  const loose = matches(shape);
  return loose === undefined ? undefined : { count: 1, shape: loose };
}

function convert(
  source: TensorData,
  type: DType,
  input: InputSpec,
  pixels: readonly [number, number] | undefined,
  where: string,
): TensorData {
  const target = makeData(input.type, source.length);
  const { kind, min, max } = DTYPES[input.type];
  for (let i = 0; i < source.length; i++) {
    const raw = readNumber(type, source, i);
    if (!Number.isFinite(raw)) {
      throw new UserError(
        `${where} has ${raw} at position ${i}: seeds must be finite; leave it out or mend it`,
      );
    }
    const value = pixels === undefined ? raw : pixels[0] + ((pixels[1] - pixels[0]) * raw) / 255;
    if (kind !== 'float' && !Number.isInteger(value)) {
      throw new UserError(
        `${where} has ${value} at position ${i}; input ${input.name} takes whole numbers (${input.type})`,
      );
    }
    if (value < min || value > max) {
      throw new UserError(
        `${where} has ${value} at position ${i}, beyond what input ${input.name} (${input.type}) can hold`,
      );
    }
    if (type !== input.type || pixels !== undefined) writeNumber(input.type, target, i, value);
  }
  return type === input.type && pixels === undefined ? copyOf(source) : target;
}
