import { errorMessage, MachineError, UserError } from '../../core/errors.ts';
import { hideScores } from '../hide-scores.ts';
import { hideTensors } from '../hide-tensors.ts';
import { asGenerativeModel } from '../language/generative-model.ts';
import type { LoadOptions, Model, ModelFamily, ModelLoader } from '../model.ts';
import { pairModels } from '../second-model.ts';
import { detectModel } from './detect.ts';

/** Loaders by format. Imported lazily, since the library of each runtime takes long to load. */
const LOADERS: Readonly<Record<ModelFamily, () => Promise<ModelLoader>>> = {
  onnx: async () => (await import('./onnx/loader.ts')).onnxLoader,
  tfjs: async () => (await import('./tfjs/loader.ts')).tfjsLoader,
  'saved-model': async () => (await import('./saved-model/loader.ts')).savedModelLoader,
};

/**
 * Loads a saved model: an .onnx file, a TensorFlow.js model.json or its folder, a SavedModel folder; with a second model,
 * a pair of them.
 *
 * @throws UserError if there is no such model or it cannot be loaded; MachineError if no runtime starts
 */
export async function loadModel(path: string, options: LoadOptions): Promise<Model> {
  const model = await loadWholeModel(path, options);
  return options.hidesTensors === true ? hideTensors(model) : model;
}

async function loadWholeModel(path: string, options: LoadOptions): Promise<Model> {
  const { secondModel, generate, onStep, ...single } = options;
  if (generate !== undefined) {
    if (secondModel !== undefined)
      throw new UserError(
        '--generate works with one model: remove --against, --against-runtime and --quantize',
      );
    return asGenerativeModel(await loadSingleModel(path, single), generate, onStep);
  }
  const shown = (loaded: Model): Model =>
    options.shownScores === undefined ? loaded : hideScores(loaded, options.shownScores);
  if (secondModel === undefined) return shown(await loadSingleModel(path, single));
  let bytes = 0;
  const addBytes = (size: number): void => {
    bytes += size;
    options.onModelBytes?.(bytes);
  };
  const reference = await loadSingleModel(path, { ...single, onModelBytes: addBytes });
  const { path: secondPath, match, ...loading } = secondModel;
  return pairModels(
    shown(reference),
    shown(
      await loadSingleModel(secondPath, {
        threads: single.threads,
        invariants: single.invariants,
        half: single.half,
        ...loading,
        onModelBytes: addBytes,
      }),
    ),
    match,
  );
}

/** Imports the libraries of the models' runtimes, so that the time it takes does not count as loading the models. */
export async function preloadRuntimes(paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    // Paths that are not models are refused when they are loaded.
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
  const unused = (['signature', 'tags'] as const).find((name) => options[name] !== undefined);
  if (unused !== undefined && family !== 'saved-model') {
    throw new UserError(`--${unused} is for SavedModels; ${file} is not one: remove the flag`);
  }
  try {
    const model = await loader.load(file, options);
    refuseReservedNames(model, file);
    return model;
  } catch (error) {
    if (error instanceof UserError || error instanceof MachineError) throw error;
    // A model is untrusted data: any error of a library is the model's fault.
    throw new UserError(
      `${file} cannot be loaded; it is damaged or has an unknown format: ${errorMessage(error)}`,
    );
  }
}

/**
 * Refuses names that every JavaScript object has, such as `__proto__`: runtimes, settings and reports hold values by name.
 *
 * @throws UserError naming the first one
 */
function refuseReservedNames({ inputs, outputs, graph }: Model, path: string): void {
  const names = [
    ...inputs.map(({ name }) => name),
    ...outputs,
    ...graph.nodes.flatMap(({ name, op, outputs: tensors }) => [name, op, ...tensors]),
  ];
  const reserved = names.find((name) => name in {});
  if (reserved !== undefined)
    throw new UserError(`${path} has an element named ${reserved}, a name that is reserved: rename it`);
}
