import { readFile } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { fileError, UserError } from '../core/errors.ts';
import { readNumber, rowsOf, sizeOf, type Tensor } from '../tensor/tensor.ts';
import { readSeedFiles } from './seed-files.ts';

/** Where the classes that seeds show are said. */
export type LabelSource =
  | { readonly kind: 'file'; readonly path: string }
  /** By the names of the folders that seeds lie in. */
  | { readonly kind: 'folders' }
  /** In a column of the seeds' own tables, counted from 0, from the last one where below it. */
  | { readonly kind: 'column'; readonly column: number };

/** Takes the setting apart. @throws UserError where a column is no whole number */
export function parseLabelSource(setting: string): LabelSource {
  if (setting === 'folders') return { kind: 'folders' };
  const [, column] = /^column(?:=(.*))?$/.exec(setting) ?? [];
  if (setting !== 'column' && column === undefined) return { kind: 'file', path: setting };
  const place = column === undefined ? -1 : Number(column);
  if (!Number.isInteger(place) || column?.trim() === '')
    throw new UserError(
      `--labels: column must be a whole number such as column=0 or column=-1, not '${column}'`,
    );
  return { kind: 'column', column: place };
}

/** Takes a column out of a table whose rows have one more than the input takes. */
export interface SplitTable {
  readonly tensor: Tensor;
  readonly labels: readonly number[];
}

/**
 * Takes the labels' column out of an array of seeds.
 *
 * @param width columns of a testcase without it
 * @throws UserError where the array has another number of columns
 */
export function splitLabelColumn(tensor: Tensor, width: number, column: number, path: string): SplitTable {
  const { shape, type, data } = tensor;
  const all = shape.at(-1) ?? 0;
  if (shape.length === 0 || shape.length > 2 || all !== width + 1)
    throw new UserError(
      `--labels column: ${path} has ${all} columns; the model takes ${width}, so ${width + 1} are needed with the labels'`,
    );
  const at = column < 0 ? all + column : column;
  if (at < 0 || at >= all) throw new UserError(`--labels column=${column}: ${path} has ${all} columns`);
  const rows = sizeOf(shape) / all;
  const kept = data.slice(0, rows * width) as typeof data;
  const labels: number[] = [];
  for (let row = 0; row < rows; row++) {
    labels.push(readNumber(type, data, row * all + at));
    const own = rowsOf(data, all, row, row + 1);
    kept.set(own.subarray(0, at) as never, row * width);
    kept.set(own.subarray(at + 1) as never, row * width + at);
  }
  return { tensor: { type, shape: [...shape.slice(0, -1), width], data: kept }, labels };
}

/**
 * The class that each seed shows.
 *
 * @param sources of each seed, the file it was read from
 * @param column of each seed, what its table says, where that says it
 * @returns the labels, and what folders were taken for, a clause for people
 * @throws UserError where there are more or fewer labels than seeds, or one is no class
 */
export async function resolveLabels(
  source: LabelSource,
  sources: readonly string[],
  column: readonly number[],
): Promise<{ readonly labels: readonly number[]; readonly told: string | undefined }> {
  if (source.kind === 'folders') return labelByFolders(sources);
  const labels = source.kind === 'column' ? column : await readLabelFile(source.path);
  const where = source.kind === 'column' ? '--labels column' : `--labels: ${source.path}`;
  if (labels.length !== sources.length)
    throw new UserError(
      `${where} holds ${labels.length} labels and there are ${sources.length} seeds: give one for each, in their order`,
    );
  const wrong = labels.findIndex((label) => !Number.isInteger(label) || label < 0);
  if (wrong >= 0)
    throw new UserError(`${where}: label ${wrong} is ${labels[wrong]}; labels are numbers of classes from 0`);
  return { labels, told: undefined };
}

/** Folders named by numbers are those classes; others are classes in the order of their names. */
function labelByFolders(sources: readonly string[]) {
  const names = sources.map((path) => basename(dirname(path)));
  const classes = [...new Set(names)].sort();
  if (classes.every((name) => /^\d+$/.test(name))) return { labels: names.map(Number), told: undefined };
  if (classes.length < 2)
    throw new UserError(
      `--labels folders: all seeds lie in one folder, ${classes[0]}: give a folder with one for each class to --seeds`,
    );
  return {
    labels: names.map((name) => classes.indexOf(name)),
    told: `labels by folders: ${classes.map((name, i) => `${name} is ${i}`).join(', ')}`,
  };
}

async function readLabelFile(path: string): Promise<readonly number[]> {
  if (/\.(txt|csv)$/i.test(path)) {
    try {
      const lines = (await readFile(path, 'utf8')).split(/\r?\n/).filter((line) => line.trim() !== '');
      return lines.map(Number);
    } catch (error) {
      throw fileError(error, 'read the labels', path);
    }
  }
  const files = await readSeedFiles(path);
  return files.flatMap(({ arrays }) => {
    if (arrays.size !== 1) throw new UserError(`--labels: ${path} holds ${arrays.size} arrays: give one`);
    const [{ type, data, shape }] = [...arrays.values()];
    const rows = shape[0] ?? 1;
    if (sizeOf(shape) !== rows)
      throw new UserError(
        `--labels: ${path} holds ${shape.join(' by ')} values: give one number for each seed`,
      );
    return Array.from({ length: rows }, (_, i) => readNumber(type, data, i));
  });
}
