/** The process in which `doctor` benchmarks one runtime: starting one may end the process, and TensorFlow.js takes only one backend. */

import { randomStream } from '../../core/random.ts';
import { stripBatchDimension } from '../../model/batch-axis.ts';
import { BatchedModel } from '../../model/batched-model.ts';
import type { Runtime, RuntimeKind } from '../../model/model.ts';
import { allocateBatch, makeTestcaseInput, shapeSignatureOf } from '../../model/testcase-batch.ts';
import { loadWithinLimits } from '../load-within-limits.ts';
import { serve } from '../rpc-server.ts';

/** Testcases in one run, and seconds of measuring. */
const BATCH_ROWS = 256;
const MEASURED_SECONDS = 0.4;
const WARM_UP_RUNS = 5;

/** A runtime that works. */
export interface RuntimeBenchmark {
  readonly runtime: Runtime;
  /** Testcases a second of the built-in network, in batches of 256. */
  readonly testcasesPerSecond: number;
}

const methods = {
  async benchmark({
    model: path,
    runtime,
  }: {
    readonly model: string;
    readonly runtime: RuntimeKind;
  }): Promise<RuntimeBenchmark> {
    const model = await loadWithinLimits(path, { runtime });
    const inputs = stripBatchDimension(model.inputs);
    const batch = allocateBatch(
      shapeSignatureOf(inputs.map((input) => makeTestcaseInput(input, input.shape as number[]))),
      BATCH_ROWS,
    );
    const random = randomStream('doctor');
    for (const values of batch.inputs) for (let i = 0; i < values.length; i++) values[i] = random.uniform();
    const batchedModel = new BatchedModel(model);
    for (let run = 0; run < WARM_UP_RUNS; run++) await batchedModel.run(batch, BATCH_ROWS, []);
    const start = performance.now();
    let count = 0;
    while (performance.now() - start < 1000 * MEASURED_SECONDS) {
      await batchedModel.run(batch, BATCH_ROWS, []);
      count += BATCH_ROWS;
    }
    return { runtime: model.runtime, testcasesPerSecond: (1000 * count) / (performance.now() - start) };
  },
};

export type DoctorApi = typeof methods;

serve(methods);
