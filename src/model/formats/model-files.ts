import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { MODEL_JSON } from '../model.ts';
import { readUnpacked, resolveConfinedFile } from './confined-path.ts';
import { readOnnx } from './onnx/graph.ts';

/** Bytes of a main file that is read to learn of others. */
const MAX_MAIN_FILE_BYTES = 2 ** 31;

/** The files that make up a model. */
export interface ModelFileList {
  /** Folder that they lie in. */
  readonly folder: string;
  /** What is named to load the model, within the folder; empty for the folder itself. */
  readonly main: string;
  /** Within the folder, each once, in the order of their names. */
  readonly files: readonly string[];
}

/**
 * Lists the files that loading a model reads, none of which lies outside its folder.
 *
 * @throws UserError where one is missing or lies elsewhere
 */
export async function listModelFiles(path: string): Promise<ModelFileList> {
  if ((await stat(path)).isDirectory()) {
    const names = await readdir(path);
    return names.includes(MODEL_JSON) ? listTfjsFiles(join(path, MODEL_JSON)) : listFolderFiles(path);
  }
  return basename(path).endsWith('.json') ? listTfjsFiles(path) : listOnnxFiles(path);
}

async function listOnnxFiles(path: string): Promise<ModelFileList> {
  const { external } = readOnnx(await readUnpacked(path, MAX_MAIN_FILE_BYTES), path);
  return confinedFileList(path, [...new Set(external.map(({ location }) => location))]);
}

async function listTfjsFiles(path: string): Promise<ModelFileList> {
  const { weightsManifest = [] } = JSON.parse(
    (await readUnpacked(path, MAX_MAIN_FILE_BYTES)).toString('utf8'),
  ) as {
    readonly weightsManifest?: readonly { readonly paths: readonly string[] }[];
  };
  return confinedFileList(
    path,
    weightsManifest.flatMap(({ paths }) => paths),
  );
}

async function confinedFileList(path: string, others: readonly string[]): Promise<ModelFileList> {
  const folder = dirname(path);
  for (const name of others) await resolveConfinedFile(folder, name, path);
  return { folder, main: basename(path), files: [...new Set([basename(path), ...others])].sort() };
}

async function listFolderFiles(folder: string): Promise<ModelFileList> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .sort();
  for (const name of files) await resolveConfinedFile(folder, name, folder);
  return { folder, main: '', files };
}

/** A file of a model, as it lies on disk. */
export function readModelFile({ folder }: ModelFileList, name: string): Promise<Buffer> {
  return readFile(join(folder, name));
}
