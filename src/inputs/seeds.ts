import type { Named } from '../config/values.ts';
import { UserError } from '../errors.ts';
import type { InputSpec } from '../models/model.ts';
import { batchAxis, type RowInput, type RowLayout, rowInput, testcaseShape } from '../models/rows.ts';
import { makeData, shapeText, type Tensor, type TensorData, writeNumber } from '../models/tensor.ts';
import type { Random } from '../random.ts';
import { didYouMean } from '../suggest.ts';
import { readSeedFiles, type SeedFile } from './files.ts';
import { type Column, fitColumn, type PixelScale } from './fit.ts';

/** Seeds that fit a model: for each, one row of values for each input. */
export interface Seeds {
  readonly layout: RowLayout;
  readonly rows: readonly (readonly TensorData[])[];
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
