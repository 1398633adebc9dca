/** The process in which a model is looked at that nobody fuzzes yet. */
import { describe } from '../models/describe.ts';
import type { LoadOptions, Model, ModelInfo } from '../models/model.ts';
import { type ObservedShapes, observeShapes } from '../models/observe.ts';
import { bringUp, loadModel } from '../models/registry.ts';
import { withinLimits } from './loading.ts';
import { serve } from './serve.ts';

let model: Model | undefined;
let bytes = 0;

const methods = {
  async load({
    path,
    options,
  }: {
    readonly path: string;
    readonly options: LoadOptions;
  }): Promise<ModelInfo> {
    await model?.dispose();
    model = undefined;
    await bringUp([path]);
    model = await withinLimits((allow) =>
      loadModel(path, {
        ...options,
        weighed: (size) => {
          bytes = size;
          allow(size);
        },
      }),
    );
    return describe(model);
  },

  /** Runs the loaded model once and says the shapes that its tensors have; see `observeShapes`. */
  async shapes(tensors: readonly string[]): Promise<ObservedShapes> {
    if (model === undefined) throw new Error('no model is loaded');
    const loaded = model;
    return withinLimits((allow) => {
      allow(bytes);
      return observeShapes(loaded, tensors);
    });
  },
};

export type DescribeApi = typeof methods;

serve(methods);
