/** The process in which one runtime is tried: starting one may end the process, and TensorFlow.js has room for one. */

import { randomStream } from '../../core/random.ts';
import { stripBatchDimension } from '../../model/batch-axis.ts';
import { BatchedModel } from '../../model/batched-model.ts';
import type { Runtime, RuntimeKind } from '../../model/model.ts';
import { allocateBatch, makeTestcaseInput, shapeSignatureOf } from '../../model/testcase-batch.ts';
import { loadWithinLimits } from '../load-within-limits.ts';
import { serve } from '../rpc-server.ts';

/** Testcases in one run, and seconds that are measured. */
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
    const block = allocateBatch(
      shapeSignatureOf(inputs.map((input) => makeTestcaseInput(input, input.shape as number[]))),
      BATCH_ROWS,
    );
    const random = randomStream('doctor');
    for (const column of block.inputs) for (let i = 0; i < column.length; i++) column[i] = random.uniform();
    const rows = new BatchedModel(model);
    for (let run = 0; run < WARM_UP_RUNS; run++) await rows.run(block, BATCH_ROWS, []);
    const start = performance.now();
    let count = 0;
    while (performance.now() - start < 1000 * MEASURED_SECONDS) {
      await rows.run(block, BATCH_ROWS, []);
      count += BATCH_ROWS;
    }
    return { runtime: model.runtime, testcasesPerSecond: (1000 * count) / (performance.now() - start) };
  },
};

export type DoctorApi = typeof methods;

serve(methods);
