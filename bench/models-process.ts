/** Process that runs a model on prepared batches, with or without watched tensors. */

import { describeModel } from '../src/analysis/describe-model.ts';
import { randomStream } from '../src/core/random.ts';
import { inferInputs } from '../src/inputs/infer-input.ts';
import { stripBatchDimension } from '../src/model/batch-axis.ts';
import { BatchedModel } from '../src/model/batched-model.ts';
import { chooseWatchedTensors } from '../src/model/coverage-tensors.ts';
import { loadModel } from '../src/model/formats/registry.ts';
import type { RuntimeKind } from '../src/model/model.ts';
import {
  allocateBatch,
  type BatchBuffer,
  makeTestcaseInput,
  shapeSignatureOf,
} from '../src/model/testcase-batch.ts';
import { readNumber, writeNumber } from '../src/tensor/tensor.ts';
import { serve } from '../src/workers/rpc-server.ts';

const WARM_UP = 10;
/** Size used for dynamic dimensions. */
const FREE = 16;

let rows: BatchedModel | undefined;
let block: BatchBuffer | undefined;

const methods = {
  /** Returns the tensors that `auto` watches, and one in the middle of the graph. */
  async open({ path, runtime, batch }: { path: string; runtime: RuntimeKind; batch: number }) {
    const model = await loadModel(path, { runtime });
    rows = new BatchedModel(model);
    const inputs = stripBatchDimension(model.inputs);
    const sized = inputs.map((input) =>
      makeTestcaseInput(
        input,
        input.shape.map((size) => size ?? FREE),
      ),
    );
    block = allocateBatch(shapeSignatureOf(sized), batch);
    const random = randomStream('bench', 'models');
    const { model: info } = describeModel(model);
    const inferred = inferInputs(inputs, info);
    for (const [i, input] of inputs.entries()) {
      const { low, high } = inferred[i].range;
      const column = block.inputs[i];
      for (let k = 0; k < column.length; k++) {
        writeNumber(input.type, column, k, low + (high - low) * random.uniform());
      }
      if (readNumber(input.type, column, 0) < low) throw new Error('out of range');
    }
    const middle = await middleTensor(rows, block, model.watchable);
    return { auto: chooseWatchedTensors(model).tensors[0], middle };
  },

  /** Returns testcases per second. */
  async run({
    watched,
    batch,
    milliseconds,
  }: {
    watched: readonly string[];
    batch: number;
    milliseconds: number;
  }) {
    const [model, data] = [rows as BatchedModel, block as BatchBuffer];
    for (let warm = 0; warm < WARM_UP; warm++) await model.run(data, batch, watched);
    const start = performance.now();
    let count = 0;
    while (performance.now() - start < milliseconds) {
      await model.run(data, batch, watched);
      count += batch;
    }
    return (1000 * count) / (performance.now() - start);
  },
};

/** The tensor nearest to the middle of the graph that has one row per testcase and more than one value in it. */
async function middleTensor(
  model: BatchedModel,
  data: BatchBuffer,
  watchable: readonly string[],
): Promise<string> {
  const half = watchable.length >> 1;
  for (let away = 0; away < half; away++) {
    for (const name of [watchable[half + away], watchable[half - away]]) {
      const result = await model.run(data, 2, [name]).catch(() => undefined);
      if (result !== undefined && result.activations[0].size > 4) return name;
    }
  }
  return watchable[half];
}

export type ModelsApi = typeof methods;

serve(methods);
