/** Process that runs a model on one prepared batch repeatedly, to measure raw inference. */

import { randomStream } from '../src/core/random.ts';
import { BatchedModel } from '../src/model/batched-model.ts';
import { loadModel } from '../src/model/formats/registry.ts';
import { allocateBatch, shapeSignatureOf } from '../src/model/testcase-batch.ts';
import { serve } from '../src/workers/rpc-server.ts';

const WARM_UP = 20;

const FORM = shapeSignatureOf([{ name: 'image', type: 'float32', shape: [28, 28, 1], size: 784 }]);

let rows: BatchedModel | undefined;

const methods = {
  async open({ model, runtime, batch }: { model: string; runtime: 'onnx' | 'wasm'; batch: number }) {
    rows = new BatchedModel(await loadModel(model, { runtime }));
    await methods.run({ batch, milliseconds: 0 });
  },

  /** Returns inputs per second. */
  async run({ batch, milliseconds }: { batch: number; milliseconds: number }): Promise<number> {
    const model = rows as BatchedModel;
    const block = allocateBatch(FORM, batch);
    const random = randomStream('bench', 'raw');
    const pixels = block.inputs[0];
    for (let i = 0; i < pixels.length; i++) pixels[i] = 2 * random.uniform() - 1;
    for (let warm = 0; warm < WARM_UP; warm++) await model.run(block, batch, []);
    const start = performance.now();
    let count = 0;
    while (performance.now() - start < milliseconds) {
      await model.run(block, batch, []);
      count += batch;
    }
    return (1000 * count) / Math.max(performance.now() - start, 1e-3);
  },
};

export type RawApi = typeof methods;

serve(methods);
