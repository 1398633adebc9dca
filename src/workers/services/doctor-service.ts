/** The process in which one runtime is tried: starting one may end the process, and TensorFlow.js has room for one. */

import { randomStream } from '../../core/random.ts';
import { formOf, makeBlock, RowModel, rowInput, testcaseInputs } from '../../model/batched-model.ts';
import type { Runtime, RuntimeKind } from '../../model/model.ts';
import { loadWithinLimits } from '../load-within-limits.ts';
import { serve } from '../rpc-server.ts';

/** Testcases in one run, and seconds that are measured. */
const BATCH = 256;
const SECONDS = 0.4;
const WARM_UP = 5;

/** A runtime that works. */
export interface Tried {
  readonly runtime: Runtime;
  /** Testcases a second of the built-in network, in batches of 256. */
  readonly rate: number;
}

const methods = {
  async tryOut({
    model: path,
    runtime,
  }: {
    readonly model: string;
    readonly runtime: RuntimeKind;
  }): Promise<Tried> {
    const model = await loadWithinLimits(path, { runtime });
    const inputs = testcaseInputs(model.inputs);
    const block = makeBlock(formOf(inputs.map((input) => rowInput(input, input.shape as number[]))), BATCH);
    const random = randomStream('doctor');
    for (const column of block.columns) for (let i = 0; i < column.length; i++) column[i] = random.uniform();
    const rows = new RowModel(model);
    for (let run = 0; run < WARM_UP; run++) await rows.run(block, BATCH, []);
    const start = performance.now();
    let count = 0;
    while (performance.now() - start < 1000 * SECONDS) {
      await rows.run(block, BATCH, []);
      count += BATCH;
    }
    return { runtime: model.runtime, rate: (1000 * count) / (performance.now() - start) };
  },
};

export type DoctorApi = typeof methods;

serve(methods);
