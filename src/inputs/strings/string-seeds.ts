import { UserError } from '../../core/errors.ts';
import { splitLines } from '../../core/text-lines.ts';
import type { InputSpec } from '../../model/model.ts';
import { encodeStrings } from '../../tensor/strings.ts';
import { shapeText, sizeOf, type Tensor } from '../../tensor/tensor.ts';
import type { SeedFile } from '../seed-files.ts';

/**
 * Reads the testcases of a text file for an input of strings: a line each. Where a testcase is several strings, they are
 * separated by tabs, or by white space where the line has none; a short line is filled up with empty strings.
 *
 * @param input without the batch dimension
 * @returns `[testcases, ...shape, width]`
 * @throws UserError if the file has no text, or a line more strings than the input takes
 */
export function readStringLines(input: InputSpec, { path, text = '' }: SeedFile): Tensor {
  const sizes = input.shape.slice(0, -1);
  const lines = splitLines(text, path).filter((line) => line !== '');
  if (lines.length === 0) throw new UserError(`${path} has no text: write one testcase per line`);
  const isOpen = sizes.includes(null);
  if (isOpen && sizes.length > 1) {
    throw new UserError(
      `${path}: input ${input.name} takes testcases of ${shapeText(sizes)} strings, which a text file cannot express: use .json or .npy`,
    );
  }
  const rows = lines.map((line) => splitLine(line, isOpen || sizeOf(sizes as number[]) > 1));
  const longest = rows.reduce((most, row) => Math.max(most, row.length), 1);
  const shape = isOpen ? [longest] : (sizes as number[]);
  const count = sizeOf(shape);
  const tooLong = rows.findIndex((row) => row.length > count);
  if (tooLong >= 0) {
    throw new UserError(
      `${path}, line ${tooLong + 1}, holds ${rows[tooLong].length} strings; input ${input.name} takes ${count}: separate them by tabs`,
    );
  }
  const strings = rows.flatMap((row) => [...row, ...new Array<string>(count - row.length).fill('')]);
  return encodeStrings(strings, [rows.length, ...shape]);
}

function splitLine(line: string, isRow: boolean): string[] {
  if (!isRow) return [line];
  return line.includes('\t') ? line.split('\t') : line.trim().split(/\s+/);
}
