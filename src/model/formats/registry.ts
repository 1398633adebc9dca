import { errorMessage, MachineError, UserError } from '../../core/errors.ts';
import { asGenerativeModel } from '../language/generative-model.ts';
import type { LoadOptions, Model, ModelFamily, ModelLoader } from '../model.ts';
import { pairModels } from '../second-model.ts';
import { detectModel } from './detect.ts';

/** Every way to load a model, each with its runtime's library, which takes long to come up and is not needed by others. */
const LOADERS: Readonly<Record<ModelFamily, () => Promise<ModelLoader>>> = {
  onnx: async () => (await import('./onnx/loader.ts')).onnxLoader,
  tfjs: async () => (await import('./tfjs/loader.ts')).tfjsLoader,
  'saved-model': async () => (await import('./saved-model/loader.ts')).savedModelLoader,
};

/**
 * Loads a saved model: an .onnx file, a TensorFlow.js model.json or its folder, a SavedModel folder; with a copy,
 * a pair of them.
 *
 * @throws UserError where there is no such model or it can't be loaded; MachineError where no runtime starts
 */
export async function loadModel(path: string, options: LoadOptions): Promise<Model> {
  const { secondModel, generate, onStep, ...own } = options;
  if (generate !== undefined) {
    if (secondModel !== undefined)
      throw new UserError(
        '--generate is for one model: leave --against, --against-runtime and --quantize out',
      );
    return asGenerativeModel(await loadSingleModel(path, own), generate, onStep);
  }
  if (secondModel === undefined) return loadSingleModel(path, own);
  let bytes = 0;
  const weighed = (size: number): void => {
    bytes += size;
    options.onModelBytes?.(bytes);
  };
  const reference = await loadSingleModel(path, { ...own, onModelBytes: weighed });
  const { path: copyPath, match, ...loading } = secondModel;
  return pairModels(
    reference,
    await loadSingleModel(copyPath, { threads: own.threads, ...loading, onModelBytes: weighed }),
    match,
  );
}

/** Brings up the libraries that models are loaded by, which takes time that says nothing of the models. */
export async function preloadRuntimes(paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    // What is no model is refused when it is loaded.
    const found = await detectModel(path).catch(() => undefined);
    if (found !== undefined) await LOADERS[found.family]();
  }
}

async function loadSingleModel(
  path: string,
  options: Omit<LoadOptions, 'secondModel' | 'generate' | 'onStep'>,
): Promise<Model> {
  const { path: file, family } = await detectModel(path);
  const loader = await LOADERS[family]();
  const unused = ['signature', 'tags'].find((name) => options[name as 'signature' | 'tags'] !== undefined);
  if (unused !== undefined && family !== 'saved-model') {
    throw new UserError(`--${unused} is for SavedModels; ${file} is none: leave it out`);
  }
  try {
    return await loader.load(file, options);
  } catch (error) {
    if (error instanceof UserError || error instanceof MachineError) throw error;
    // A model is data from strangers: whatever a library makes of it is the model's fault.
    throw new UserError(
      `${file} cannot be loaded, it is damaged or of an unknown kind: ${errorMessage(error)}`,
    );
  }
}
