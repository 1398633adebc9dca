import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { decodeUtf8 } from '../core/decode-utf8.ts';
import { fileError, UserError } from '../core/errors.ts';
import { MAX_TEXT_BYTES, readBounded } from '../core/read-bounded.ts';
import { decodeOnnxTensor } from '../model/formats/onnx/tensor.ts';
import { decodeNpy } from '../tensor/npy.ts';
import { decodeNpz } from '../tensor/npz.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { decodeCsv } from './formats/csv.ts';
import { decodeIdx } from './formats/idx.ts';
import { decodeJson } from './formats/json.ts';
import { decodeImage } from './formats/png.ts';

/** Contents of a seed file. */
export interface SeedFile {
  readonly path: string;
  /** Arrays by input name; null is the key of an array without one. */
  readonly arrays: ReadonlyMap<string | null, Tensor>;
  /** Whether values are 8-bit levels: of one image `[height, width, channels]`, or of a batch of images. */
  readonly pixels: 'one' | 'many' | undefined;
  /** Content of a text file, which has no arrays. */
  readonly text?: string;
  /** Cells of a .csv file, which has no arrays. */
  readonly rows?: readonly (readonly string[])[];
  /** Whether the file was found in a folder rather than named. */
  readonly isInFolder?: boolean;
}

type SeedFileDecoder = (
  bytes: Uint8Array,
  path: string,
) => Promise<Omit<SeedFile, 'path'>> | Omit<SeedFile, 'path'>;

const unnamedArray = (tensor: Tensor, pixels?: SeedFile['pixels']): Omit<SeedFile, 'path'> => ({
  arrays: new Map([[null, tensor]]),
  pixels,
});

const decodeIdxFile: SeedFileDecoder = (bytes, path) => {
  const tensor = decodeIdx(bytes, path);
  return unnamedArray(tensor, tensor.type === 'uint8' && tensor.shape.length >= 3 ? 'many' : undefined);
};

const decodeImageFile: SeedFileDecoder = async (bytes, path) =>
  unnamedArray(await decodeImage(bytes, path), 'one');

const decodeTextFile: SeedFileDecoder = (bytes, path) => {
  const text = decodeUtf8(bytes);
  if (text === undefined)
    throw new UserError(`${path} is not UTF-8 text: convert it, for example with iconv -t utf-8`);
  return { arrays: new Map(), pixels: undefined, text };
};

const decodeCsvFile: SeedFileDecoder = (bytes, path) => {
  const text = decodeUtf8(bytes);
  if (text === undefined)
    throw new UserError(`${path} is not UTF-8 text: convert it, for example with iconv -t utf-8`);
  return { arrays: new Map(), pixels: undefined, rows: decodeCsv(text, path) };
};

/**
 * Extensions of text files. In a folder they are seeds only for inputs that take text; elsewhere they may be notes on the
 * seeds, or their labels.
 */
const [TEXT_EXTENSION, TABLE_EXTENSION] = ['.txt', '.csv'] as const;

/** Decoders by file name ending. */
const DECODERS: readonly (readonly [ending: string, decode: SeedFileDecoder])[] = [
  ['.npy', (bytes, path) => unnamedArray(decodeNpy(bytes, path))],
  ['.npz', (bytes, path) => ({ arrays: decodeNpz(bytes, path), pixels: undefined })],
  ['.idx', decodeIdxFile],
  ['.idx.gz', decodeIdxFile],
  ['-ubyte', decodeIdxFile],
  ['-ubyte.gz', decodeIdxFile],
  ['.json', (bytes, path) => ({ arrays: decodeJson(bytes, path), pixels: undefined })],
  [TABLE_EXTENSION, decodeCsvFile],
  ['.pb', (bytes, path) => unnamedArray(decodeOnnxTensor(bytes, path))],
  ['.png', decodeImageFile],
  ['.jpg', decodeImageFile],
  ['.jpeg', decodeImageFile],
  [TEXT_EXTENSION, decodeTextFile],
];

/** Largest seed file in bytes that is read without being decoded as text. */
const MAX_SEED_BYTES = 2 ** 31 - 1;

const IS_TEXT = /\.(?:json|csv|txt)$/i;

const SUPPORTED_EXTENSIONS = '.npy, .npz, .idx, .idx.gz, .json, .csv, .pb, .png or .jpg';

function findDecoder(path: string): SeedFileDecoder | undefined {
  const name = basename(path).toLowerCase();
  return DECODERS.find(([ending]) => name.endsWith(ending))?.[1];
}

function isTextFile(path: string): boolean {
  const name = path.toLowerCase();
  return name.endsWith(TEXT_EXTENSION) || name.endsWith(TABLE_EXTENSION);
}

/**
 * Reads a seed file, or all seed files of a folder in order of their names. If a folder contains none, reads those of
 * its subfolders.
 *
 * @param takesText whether text files in a folder are seeds
 * @throws UserError if there is no seed file or one can't be read
 */
export async function readSeedFiles(path: string, takesText = false): Promise<SeedFile[]> {
  let files: string[];
  try {
    if (!(await stat(path)).isDirectory()) return [await readSeedFile(path)];
    files = await listSeedFiles(path, takesText);
    if (files.length === 0)
      for (const entry of (await readdir(path, { withFileTypes: true })).sort(compareNames))
        if (entry.isDirectory()) files.push(...(await listSeedFiles(join(path, entry.name), takesText)));
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw fileError(error, 'read the seeds', path);
  }
  if (files.length === 0) {
    const endings = takesText ? `${TEXT_EXTENSION}, ${SUPPORTED_EXTENSIONS}` : SUPPORTED_EXTENSIONS;
    throw new UserError(`the seeds folder ${path} has no seeds: put ${endings} files into it`);
  }
  // Sequentially: a folder may contain more files than a process may have open.
  const seedFiles: SeedFile[] = [];
  for (const file of files) seedFiles.push({ ...(await readSeedFile(file)), isInFolder: true });
  return seedFiles;
}

/** The array for an input: the one of its name, or the file's only one. */
export function findArray({ arrays }: SeedFile, input: string): Tensor | undefined {
  const [first] = arrays.values();
  return arrays.get(input) ?? (arrays.size === 1 ? first : undefined);
}

/** The seed files of a folder in the order of their names. */
async function listSeedFiles(path: string, takesText: boolean): Promise<string[]> {
  const names = (await readdir(path)).sort();
  return names
    .map((name) => join(path, name))
    .filter((file) => findDecoder(file) !== undefined && (takesText || !isTextFile(file)));
}

function compareNames(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : 1;
}

async function readSeedFile(path: string): Promise<SeedFile> {
  const decode = findDecoder(path);
  if (decode === undefined)
    throw new UserError(`${path} is not a supported seed file. Expected ${SUPPORTED_EXTENSIONS}`);
  const maxBytes = IS_TEXT.test(path) ? MAX_TEXT_BYTES : MAX_SEED_BYTES;
  return { path, ...(await decode(readBounded(path, 'read the seed', maxBytes), path)) };
}
