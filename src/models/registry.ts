import { MachineError, reason, UserError } from '../errors.ts';
import type { LoadOptions, Model, ModelLoader } from './model.ts';
import { onnxLoader } from './onnx.ts';
import { pairOf } from './pair.ts';
import { recognise } from './recognise.ts';
import { savedModelLoader } from './saved-model.ts';
import { generating } from './text/generate.ts';
import { tfjsLoader } from './tfjs.ts';

/** Every way to load a model. */
const LOADERS: readonly ModelLoader[] = [tfjsLoader, onnxLoader, savedModelLoader];

/**
 * Loads a saved model: an .onnx file, a TensorFlow.js model.json or its folder, a SavedModel folder; with a copy,
 * a pair of them.
 *
 * @throws UserError where there is no such model or it can't be loaded; MachineError where no runtime starts
 */
export async function loadModel(path: string, options: LoadOptions): Promise<Model> {
  const { copy, generate, stepped, ...own } = options;
  if (generate !== undefined) {
    if (copy !== undefined)
      throw new UserError(
        '--generate is for one model: leave --against, --against-runtime and --quantize out',
      );
    return generating(await loadOne(path, own), generate, stepped);
  }
  if (copy === undefined) return loadOne(path, own);
  let bytes = 0;
  const weighed = (size: number): void => {
    bytes += size;
    options.weighed?.(bytes);
  };
  const reference = await loadOne(path, { ...own, weighed });
  const { path: copyPath, match, ...loading } = copy;
  return pairOf(reference, await loadOne(copyPath, { threads: own.threads, ...loading, weighed }), match);
}

async function loadOne(
  path: string,
  options: Omit<LoadOptions, 'copy' | 'generate' | 'stepped'>,
): Promise<Model> {
  const { path: file, family } = await recognise(path);
  const loader = LOADERS.find((candidate) => candidate.family === family) as ModelLoader;
  const unused = ['signature', 'tags'].find((name) => options[name as 'signature' | 'tags'] !== undefined);
  if (unused !== undefined && family !== 'saved-model') {
    throw new UserError(`--${unused} is for SavedModels; ${file} is none: leave it out`);
  }
  try {
    return await loader.load(file, options);
  } catch (error) {
    if (error instanceof UserError || error instanceof MachineError) throw error;
    // A model is data from strangers: whatever a library makes of it is the model's fault.
    throw new UserError(`${file} cannot be loaded, it is damaged or of an unknown kind: ${reason(error)}`);
  }
}
