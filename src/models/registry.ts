import { open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileError, UserError } from '../errors.ts';
import type { LoadOptions, Model, ModelLoader } from './model.ts';
import { onnxLoader } from './onnx.ts';
import { tfjsLoader } from './tfjs.ts';

/** Every way to load a model; the first that recognises a file gets it. */
const LOADERS: readonly ModelLoader[] = [tfjsLoader, onnxLoader];

/**
 * Loads a saved model: an .onnx file, a TensorFlow.js model.json, or a folder that holds one.
 *
 * @throws UserError where there is no such model or it can't be loaded
 */
export async function loadModel(path: string, options: LoadOptions): Promise<Model> {
  const file = await modelFile(path);
  const head = await firstBytes(file);
  const loader = LOADERS.find((candidate) => candidate.recognises(file, head));
  if (loader === undefined) {
    throw new UserError(
      `${path} is no model that neurofuzz knows: name an .onnx file or a TensorFlow.js model.json`,
    );
  }
  return loader.load(file, options);
}

async function modelFile(path: string): Promise<string> {
  const isFolder = async (): Promise<boolean> => (await stat(path)).isDirectory();
  try {
    if (!(await isFolder())) return path;
  } catch (error) {
    throw fileError(error, 'read the model', path);
  }
  const inner = join(path, 'model.json');
  try {
    await stat(inner);
    return inner;
  } catch {
    throw new UserError(
      `${path} is a folder without a model.json: name an .onnx file or a TensorFlow.js model`,
    );
  }
}

async function firstBytes(path: string): Promise<Uint8Array> {
  try {
    const file = await open(path);
    try {
      const head = Buffer.alloc(16);
      const { bytesRead } = await file.read(head, 0, 16, 0);
      return head.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  } catch (error) {
    throw fileError(error, 'read the model', path);
  }
}
