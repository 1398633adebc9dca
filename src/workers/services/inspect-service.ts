/** The process in which a model is looked at that nobody fuzzes yet. */
import { describeModel, type ModelDescription } from '../../analysis/describe-model.ts';
import { loadModel, preloadRuntimes } from '../../model/formats/registry.ts';
import { type InferredShapes, inferShapes } from '../../model/infer-shapes.ts';
import type { LoadOptions, Model } from '../../model/model.ts';
import { withinLimits } from '../load-within-limits.ts';
import { serve } from '../rpc-server.ts';

let model: Model | undefined;
let modelBytes = 0;

const methods = {
  async load({
    path,
    options,
  }: {
    readonly path: string;
    readonly options: LoadOptions;
  }): Promise<ModelDescription> {
    await model?.dispose();
    model = undefined;
    await preloadRuntimes([path]);
    model = await withinLimits((allow) =>
      loadModel(path, {
        ...options,
        onModelBytes: (size) => {
          modelBytes = size;
          allow(size);
        },
      }),
    );
    return describeModel(model);
  },

  /** Runs the loaded model once and says the shapes that its tensors have; see `observeShapes`. */
  async shapes(tensors: readonly string[]): Promise<InferredShapes> {
    if (model === undefined) throw new Error('no model is loaded');
    const loaded = model;
    return withinLimits((allow) => {
      allow(modelBytes);
      return inferShapes(loaded, tensors);
    });
  },
};

export type InspectApi = typeof methods;

serve(methods);
