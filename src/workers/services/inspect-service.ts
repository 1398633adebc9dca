/** The process in which a model is looked at that nobody fuzzes yet. */
import { describe } from '../../analysis/describe-model.ts';
import { bringUp, loadModel } from '../../model/formats/registry.ts';
import { type ObservedShapes, observeShapes } from '../../model/infer-shapes.ts';
import type { LoadOptions, Model, ModelInfo } from '../../model/model.ts';
import { withinLimits } from '../load-within-limits.ts';
import { serve } from '../rpc-server.ts';

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
