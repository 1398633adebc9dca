import { basename, dirname } from 'node:path';
import { UserError } from '../core/errors.ts';
import { MAX_TEXT_BYTES, readText } from '../core/read-bounded.ts';
import { decodeStrings } from '../tensor/strings.ts';
import { copyInto, makeData, readNumber, rowsOf, sizeOf, type Tensor } from '../tensor/tensor.ts';
import { readSeedFiles } from './seed-files.ts';

/** Source of the seeds' class labels. */
export type LabelSource =
  | { readonly kind: 'file'; readonly path: string }
  /** Names of the folders that contain the seeds. */
  | { readonly kind: 'folders' }
  /** A column of the seeds' tables, from 0; negative counts from the last. */
  | { readonly kind: 'column'; readonly column: number };

/**
 * Parses the value of --labels: `folders`, `column`, `column=N` or a path.
 *
 * @throws UserError if the column is not an integer
 */
export function parseLabelSource(setting: string): LabelSource {
  if (setting === 'folders') return { kind: 'folders' };
  const [, column] = /^column(?:=(.*))?$/.exec(setting) ?? [];
  if (setting !== 'column' && column === undefined) return { kind: 'file', path: setting };
  const index = column === undefined ? -1 : Number(column);
  if (!Number.isInteger(index) || column?.trim() === '')
    throw new UserError(
      `--labels: column must be a whole number such as column=0 or column=-1, not '${column}'`,
    );
  return { kind: 'column', column: index };
}

/** A table without its label column, and that column. */
export interface SplitTable {
  readonly tensor: Tensor;
  readonly labels: readonly number[];
}

/**
 * Removes the label column from a table of seeds.
 *
 * @param tensor `[rows, width + 1]`, or one row
 * @param width columns of a testcase
 * @throws UserError if the table has another number of columns
 */
export function splitLabelColumn(tensor: Tensor, width: number, column: number, path: string): SplitTable {
  const { shape, type, data } = tensor;
  const columns = shape.at(-1) ?? 0;
  if (shape.length === 0 || shape.length > 2 || columns !== width + 1)
    throw new UserError(
      `--labels column: ${path} has ${columns} columns; the model takes ${width}, so ${width + 1} are needed with the labels'`,
    );
  const at = column < 0 ? columns + column : column;
  if (at < 0 || at >= columns)
    throw new UserError(`--labels column=${column}: ${path} has ${columns} columns`);
  const rows = sizeOf(shape) / columns;
  const rest = makeData(type, rows * width);
  const labels: number[] = [];
  for (let row = 0; row < rows; row++) {
    labels.push(readNumber(type, data, row * columns + at));
    const values = rowsOf(data, columns, row, row + 1);
    copyInto(rest, values.subarray(0, at), row * width);
    copyInto(rest, values.subarray(at + 1), row * width + at);
  }
  return { tensor: { type, shape: [...shape.slice(0, -1), width], data: rest }, labels };
}

/** Labels of all seeds. */
export interface ResolvedLabels {
  /** Class of each seed, from 0. */
  readonly labels: readonly number[];
  /**
   * How folder names were mapped to classes, as a clause for messages; undefined if they are class numbers or unused.
   */
  readonly folderClasses: string | undefined;
}

/**
 * Resolves the label of each seed.
 *
 * @param paths file of each seed
 * @param column labels from the seeds' tables, for that source
 * @param classes names of the model's classes, which labels may be instead of numbers
 * @throws UserError if the number of labels differs from that of seeds, or a label is not a class number
 */
export async function resolveLabels(
  source: LabelSource,
  paths: readonly string[],
  column: readonly number[],
  classes: readonly string[] = [],
): Promise<ResolvedLabels> {
  if (source.kind === 'folders') return labelByFolders(paths, classes);
  const labels = source.kind === 'column' ? column : await readLabelFile(source.path, classes);
  const where = source.kind === 'column' ? '--labels column' : `--labels: ${source.path}`;
  if (labels.length !== paths.length)
    throw new UserError(
      `${where} holds ${labels.length} labels and there are ${paths.length} seeds: use one per seed, in their order`,
    );
  const invalid = labels.findIndex((label) => !Number.isInteger(label) || label < 0);
  if (invalid >= 0)
    throw new UserError(
      `${where}: label ${invalid} is ${labels[invalid]}; labels are numbers of classes from 0${classes.length > 0 ? `, or ${classes.slice(0, 8).join(', ')}` : ''}`,
    );
  return { labels, folderClasses: undefined };
}

/** Labels by folder name: the model's classes of these names, class numbers if all names are numbers, else indices in the sorted names. */
function labelByFolders(paths: readonly string[], modelClasses: readonly string[]): ResolvedLabels {
  const names = paths.map((path) => basename(dirname(path)));
  if (names.every((name) => modelClasses.includes(name)))
    return { labels: names.map((name) => modelClasses.indexOf(name)), folderClasses: undefined };
  const classes = [...new Set(names)].sort();
  if (classes.every((name) => /^\d+$/.test(name)))
    return { labels: names.map(Number), folderClasses: undefined };
  if (classes.length < 2)
    throw new UserError(
      `--labels folders: all seeds lie in one folder, ${classes[0]}: set --seeds to a folder with one folder per class`,
    );
  return {
    labels: names.map((name) => classes.indexOf(name)),
    folderClasses: `labels by folders: ${classes.map((name, i) => `${name} is ${i}`).join(', ')}`,
  };
}

async function readLabelFile(path: string, classes: readonly string[]): Promise<readonly number[]> {
  const classOf = (label: string): number => {
    const index = classes.indexOf(label.trim());
    return index < 0 ? Number(label) : index;
  };
  if (/\.(txt|csv)$/i.test(path)) {
    const lines = readText(path, 'read the labels', MAX_TEXT_BYTES).split(/\r?\n/);
    return lines.filter((line) => line.trim() !== '').map(classOf);
  }
  const files = await readSeedFiles(path);
  return files.flatMap(({ arrays }) => {
    if (arrays.size !== 1)
      throw new UserError(`--labels: ${path} holds ${arrays.size} arrays: use a file with one`);
    const [{ type, data, shape, isString }] = [...arrays.values()];
    if (isString) return decodeStrings(data, shape[shape.length - 1]).map(classOf);
    const rows = shape[0] ?? 1;
    if (sizeOf(shape) !== rows)
      throw new UserError(`--labels: ${path} holds ${shape.join(' by ')} values: use one number per seed`);
    return Array.from({ length: rows }, (_, i) => readNumber(type, data, i));
  });
}
