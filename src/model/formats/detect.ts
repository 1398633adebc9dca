import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileError, UserError } from '../../core/errors.ts';
import type { ModelFamily } from '../model.ts';
import { headOf } from './confined-path.ts';

/** A model's file, or its folder where it is a SavedModel, and what it is. */
export interface Recognised {
  readonly path: string;
  readonly family: ModelFamily;
}

/** Bytes that tell what a file is; in a zip, the name of its first entry is among them. */
const HEAD = 512;

const SAVED_MODEL = 'saved_model.pb';

/**
 * Tells what a path holds by its bytes: an ONNX file, a TensorFlow.js model.json or its folder, a TensorFlow
 * SavedModel folder.
 *
 * @throws UserError where there is nothing, or something else; for what can be converted, with the command
 */
export async function recognise(path: string): Promise<Recognised> {
  let file = path;
  try {
    const found = await stat(path);
    if (!found.isDirectory() && !found.isFile()) throw new UserError(`${path} is no file: name a model's`);
    if (found.isDirectory()) {
      const names = await readdir(path);
      if (names.includes(SAVED_MODEL)) return { path, family: 'saved-model' };
      file = join(path, soleModel(path, names));
    }
  } catch (error) {
    throw error instanceof UserError ? error : fileError(error, 'read the model', path);
  }
  const head = await headOf(file, HEAD).catch((error: unknown) => {
    throw fileError(error, 'read the model', file);
  });
  if (head.length === 0) throw new UserError(`${file} is empty: export or copy the model again`);
  refuseOthers(file, head);
  const family = familyOf(file, head);
  if (family !== undefined) return { path: file, family };
  throw new UserError(
    `${file} is no model that neurofuzz knows: name an .onnx file, a TensorFlow.js model.json or a SavedModel folder`,
  );
}

/** A folder's model.json, also packed, or its only .onnx file. */
function soleModel(path: string, names: readonly string[]): string {
  for (const name of ['model.json', 'model.json.gz']) if (names.includes(name)) return name;
  const onnx = names.filter((name) => name.endsWith('.onnx'));
  if (onnx.length === 1) return onnx[0];
  const what = onnx.length > 1 ? `with ${onnx.length} .onnx files: name one of them` : 'without a model';
  throw new UserError(
    `${path} is a folder ${what}${onnx.length > 1 ? '' : ': name an .onnx file, a TensorFlow.js model or a SavedModel folder'}`,
  );
}

function familyOf(file: string, head: Uint8Array): ModelFamily | undefined {
  const isJson = /^\s*[{[]/.test(text(head));
  const isGzip = head[0] === 0x1f && head[1] === 0x8b;
  if (basename(file) === SAVED_MODEL) {
    throw new UserError(`${file} is a part of a SavedModel: name the folder that it lies in`);
  }
  if (file.endsWith('.json') || file.endsWith('.json.gz') || isJson) return 'tfjs';
  // An ONNX file is a protobuf message whose first field, the IR version, is a small number.
  if (file.endsWith('.onnx') || file.endsWith('.onnx.gz') || (head[0] === 0x08 && head[1] < 0x20))
    return 'onnx';
  return isGzip ? 'tfjs' : undefined;
}

function text(head: Uint8Array): string {
  return Buffer.from(head).toString('latin1');
}

/** A format that no runtime here loads, and the command that converts it. */
interface Foreign {
  readonly name: string;
  readonly is: (head: string) => boolean;
  readonly convert: (file: string) => string;
}

const ZIP = 'PK\x03\x04';

const keras = (file: string): string => {
  const load = `keras.models.load_model(${quoted(file)}, compile=False)`;
  return `python -c "import keras; ${load}.export(${quoted(without(file))})", then name that folder`;
};

const FOREIGN: readonly Foreign[] = [
  {
    name: 'a Keras model (.keras)',
    is: (head) =>
      head.startsWith(ZIP) && /^(metadata\.json|config\.json|model\.weights\.h5|assets)/.test(head.slice(30)),
    convert: keras,
  },
  { name: 'a Keras model (HDF5)', is: (head) => head.startsWith('\x89HDF\r\n\x1a\n'), convert: keras },
  {
    name: 'a TensorFlow Lite model',
    is: (head) => head.slice(4, 8) === 'TFL3',
    convert: (file) =>
      `python -m tf2onnx.convert --tflite ${shell(file)} --output ${shell(`${without(file)}.onnx`)}`,
  },
  {
    name: 'a PyTorch file',
    // A zip with data.pkl, or the pickles that came before: a protocol mark and PyTorch's magic number.
    is: (head) =>
      (head.startsWith(ZIP) &&
        /\/(data\.pkl|version|constants\.pkl|\.format_version|byteorder)/.test(head)) ||
      head.startsWith('\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19'),
    convert: (file) =>
      `python -c "import torch; torch.onnx.export(torch.load(${quoted(file)}, weights_only=False).eval(), (torch.zeros(1, …),), ${quoted(`${without(file)}.onnx`)})", with a tensor of your input's shape`,
  },
];

function refuseOthers(file: string, head: Uint8Array): void {
  const start = text(head);
  for (const { name, is, convert } of FOREIGN) {
    if (is(start)) throw new UserError(`${file} is ${name}, which is not run as it is: ${convert(file)}`);
  }
}

function without(file: string): string {
  return file.replace(/\.[^./\\]+$/, '') || 'model';
}

function quoted(file: string): string {
  return `'${file.replace(/['\\]/g, '\\$&')}'`;
}

function shell(file: string): string {
  return /^[\w./-]+$/.test(file) ? file : `'${file.replace(/'/g, `'\\''`)}'`;
}
