import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileError, UserError } from '../../core/errors.ts';
import type { ModelFamily } from '../model.ts';
import { readHead } from './confined-path.ts';

/** A model's file, or the folder of a SavedModel, with its format. */
export interface DetectedModel {
  readonly path: string;
  readonly family: ModelFamily;
}

/** Bytes that show a file's format; in a zip, they include the name of the first entry. */
const HEAD_BYTES = 512;

const SAVED_MODEL_FILE = 'saved_model.pb';

/**
 * Detects a model's format by its first bytes: an ONNX file, a TensorFlow.js model.json or its folder, a TensorFlow
 * SavedModel folder.
 *
 * @throws UserError if there is no model; for a format that can be converted, with the command
 */
export async function detectModel(path: string): Promise<DetectedModel> {
  let file = path;
  try {
    const stats = await stat(path);
    if (!stats.isDirectory() && !stats.isFile())
      throw new UserError(`${path} is not a file: name a model file`);
    if (stats.isDirectory()) {
      const names = await readdir(path);
      if (names.includes(SAVED_MODEL_FILE)) return { path, family: 'saved-model' };
      file = join(path, findModelInFolder(path, names));
    }
  } catch (error) {
    throw error instanceof UserError ? error : fileError(error, 'read the model', path);
  }
  const head = await readHead(file, HEAD_BYTES).catch((error: unknown) => {
    throw error instanceof UserError ? error : fileError(error, 'read the model', file);
  });
  if (head.length === 0) throw new UserError(`${file} is empty: export or copy the model again`);
  refuseUnsupported(file, head);
  const family = detectFamily(file, head);
  if (family !== undefined) return { path: file, family };
  throw new UserError(
    `${file} is not a supported model format. Expected an .onnx file, a TensorFlow.js model.json or a SavedModel folder`,
  );
}

/** A folder's model.json, also packed, or its only .onnx file. */
function findModelInFolder(path: string, names: readonly string[]): string {
  for (const name of ['model.json', 'model.json.gz']) if (names.includes(name)) return name;
  const onnx = names.filter((name) => name.endsWith('.onnx'));
  if (onnx.length === 1) return onnx[0];
  throw new UserError(
    onnx.length > 1
      ? `${path} is a folder with ${onnx.length} .onnx files: name one of them`
      : `${path} is a folder without a model: name an .onnx file, a TensorFlow.js model or a SavedModel folder`,
  );
}

function detectFamily(file: string, head: Uint8Array): ModelFamily | undefined {
  const isJson = /^\s*[{[]/.test(toLatin1(head));
  const isGzip = head[0] === 0x1f && head[1] === 0x8b;
  if (basename(file) === SAVED_MODEL_FILE) {
    throw new UserError(`${file} is a part of a SavedModel: name its folder`);
  }
  if (file.endsWith('.json') || file.endsWith('.json.gz') || isJson) return 'tfjs';
  // An ONNX file is a protobuf message whose first field, the IR version, is a small number.
  if (file.endsWith('.onnx') || file.endsWith('.onnx.gz') || (head[0] === 0x08 && head[1] < 0x20))
    return 'onnx';
  return isGzip ? 'tfjs' : undefined;
}

function toLatin1(head: Uint8Array): string {
  return Buffer.from(head).toString('latin1');
}

/** A format that no runtime here loads, and the command that converts it. */
interface UnsupportedFormat {
  readonly name: string;
  readonly matches: (head: string) => boolean;
  readonly conversionCommand: (file: string) => string;
}

const ZIP_MAGIC = 'PK\x03\x04';

const kerasExportCommand = (file: string): string => {
  const load = `keras.models.load_model(${quoteForPython(file)}, compile=False)`;
  return `python -c "import keras; ${load}.export(${quoteForPython(withoutExtension(file))})", then name that folder`;
};

const UNSUPPORTED_FORMATS: readonly UnsupportedFormat[] = [
  {
    name: 'a Keras model (.keras)',
    matches: (head) =>
      head.startsWith(ZIP_MAGIC) &&
      /^(metadata\.json|config\.json|model\.weights\.h5|assets)/.test(head.slice(30)),
    conversionCommand: kerasExportCommand,
  },
  {
    name: 'a Keras model (HDF5)',
    matches: (head) => head.startsWith('\x89HDF\r\n\x1a\n'),
    conversionCommand: kerasExportCommand,
  },
  {
    name: 'a TensorFlow Lite model',
    matches: (head) => head.slice(4, 8) === 'TFL3',
    conversionCommand: (file) =>
      `python -m tf2onnx.convert --tflite ${quoteForShell(file)} --output ${quoteForShell(`${withoutExtension(file)}.onnx`)}`,
  },
  {
    name: 'a PyTorch file',
    // A zip with data.pkl; or the older format, a pickle of PyTorch's magic number.
    matches: (head) =>
      (head.startsWith(ZIP_MAGIC) &&
        /\/(data\.pkl|version|constants\.pkl|\.format_version|byteorder)/.test(head)) ||
      head.startsWith('\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19'),
    conversionCommand: (file) =>
      `python -c "import torch; torch.onnx.export(torch.load(${quoteForPython(file)}, weights_only=False).eval(), (torch.zeros(1, …),), ${quoteForPython(`${withoutExtension(file)}.onnx`)})", with a tensor of your input's shape`,
  },
];

function refuseUnsupported(file: string, head: Uint8Array): void {
  const start = toLatin1(head);
  for (const { name, matches, conversionCommand } of UNSUPPORTED_FORMATS) {
    if (matches(start))
      throw new UserError(
        `${file} is ${name}, which neurofuzz cannot run directly; convert it: ${conversionCommand(file)}`,
      );
  }
}

function withoutExtension(file: string): string {
  return file.replace(/\.[^./\\]+$/, '') || 'model';
}

function quoteForPython(file: string): string {
  return `'${file.replace(/['\\]/g, '\\$&')}'`;
}

function quoteForShell(file: string): string {
  return /^[\w./-]+$/.test(file) ? file : `'${file.replace(/'/g, `'\\''`)}'`;
}
