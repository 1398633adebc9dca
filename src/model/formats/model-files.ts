import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { MODEL_JSON } from '../model.ts';
import { readUnpacked, resolveConfinedFile } from './confined-path.ts';
import { externalLocations, MAX_ONNX_BYTES } from './onnx/external-data/inline-external-data.ts';

/** The files that make up a model. */
export interface ModelFileList {
  /** Folder that contains them. */
  readonly folder: string;
  /** Path to load the model by, relative to the folder; empty for the folder itself. */
  readonly main: string;
  /** Paths relative to the folder, each once, sorted. */
  readonly files: readonly string[];
}

/**
 * Lists the files that loading a model reads.
 *
 * @throws UserError if one is missing, or lies outside the model's folder
 */
export async function listModelFiles(path: string): Promise<ModelFileList> {
  if ((await stat(path)).isDirectory()) {
    const names = await readdir(path);
    return names.includes(MODEL_JSON) ? listTfjsFiles(join(path, MODEL_JSON)) : listFolderFiles(path);
  }
  return basename(path).endsWith('.json') ? listTfjsFiles(path) : listOnnxFiles(path);
}

async function listOnnxFiles(path: string): Promise<ModelFileList> {
  return confinedFileList(path, externalLocations(await readUnpacked(path, MAX_ONNX_BYTES), path));
}

async function listTfjsFiles(path: string): Promise<ModelFileList> {
  const { weightsManifest = [] } = JSON.parse(
    (await readUnpacked(path, MAX_ONNX_BYTES)).toString('utf8'),
  ) as {
    readonly weightsManifest?: readonly { readonly paths: readonly string[] }[];
  };
  return confinedFileList(
    path,
    weightsManifest.flatMap(({ paths }) => paths),
  );
}

async function confinedFileList(path: string, weightFiles: readonly string[]): Promise<ModelFileList> {
  const folder = dirname(path);
  for (const name of weightFiles) await resolveConfinedFile(folder, name, path);
  return { folder, main: basename(path), files: [...new Set([basename(path), ...weightFiles])].sort() };
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

/** The bytes of one of a model's files as they are on disk. */
export function readModelFile({ folder }: ModelFileList, name: string): Promise<Buffer> {
  return readFile(join(folder, name));
}
