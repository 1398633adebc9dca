import { UserError } from '../core/errors.ts';
import type { InputSpec } from '../model/model.ts';
import { encodeStrings } from '../tensor/strings.ts';
import type { Tensor } from '../tensor/tensor.ts';

/**
 * Splits the rows of a table into an array for each input: by the names of columns where the first row names all inputs,
 * else all columns for the only input.
 *
 * @param inputs without the batch dimension
 * @returns arrays `[rows, columns]` by input: strings for an input of strings, else numbers
 * @throws UserError if the table names no inputs and there are several, or a cell is no number
 */
export function splitTable(
  inputs: readonly InputSpec[],
  rows: readonly (readonly string[])[],
  path: string,
): Map<InputSpec, Tensor> {
  const [header = [], ...body] = rows;
  if (inputs.every(({ name }) => header.includes(name))) {
    return new Map(
      inputs.map((input) => {
        const column = header.indexOf(input.name);
        const cells = body.map((row) => [row[column]]);
        return [input, cellsToTensor(input, cells, path)];
      }),
    );
  }
  if (inputs.length > 1) {
    throw new UserError(
      `${path} does not name the inputs: its first line must hold ${inputs.map(({ name }) => name).join(',')}`,
    );
  }
  const [input] = inputs;
  const isNamed = input.strings === undefined && header.some((cell) => Number.isNaN(Number(cell)));
  return new Map([[input, cellsToTensor(input, isNamed ? body : rows, path)]]);
}

function cellsToTensor(
  { name, strings }: InputSpec,
  rows: readonly (readonly string[])[],
  path: string,
): Tensor {
  if (rows.length === 0) throw new UserError(`${path} holds no testcase`);
  const shape = [rows.length, rows[0].length];
  const cells = rows.flat();
  if (strings !== undefined) return encodeStrings(cells, shape);
  const invalid = cells.find((cell) => cell.trim() === '' || Number.isNaN(Number(cell)));
  if (invalid !== undefined)
    throw new UserError(`${path} holds ${JSON.stringify(invalid)}, and input ${name} takes numbers`);
  return { type: 'float64', shape, data: Float64Array.from(cells, Number) };
}
