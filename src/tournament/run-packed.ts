import { UserError } from '../core/errors.ts';
import type { BatchedModel } from '../model/batched-model.ts';
import { sliceTestcases, type TestcaseBatch } from '../model/testcase-batch.ts';

/** Testcases of one shape in one batch. Plain data, sent between processes. */
export interface PackedRequest {
  readonly batch: TestcaseBatch;
  readonly rows: number;
  /** The output that is returned. */
  readonly output: string;
}

/**
 * Runs a batch in parts, and returns one output of floats, `[rows, size]`.
 *
 * @param maxRows rows of one run
 * @param onRun called after each run
 * @throws UserError where there is no such output of single precision; Error where the runtime fails
 */
export async function runPacked(
  model: BatchedModel,
  { batch, rows, output }: PackedRequest,
  maxRows: number,
  onRun: () => void,
): Promise<Float32Array> {
  const step = Math.min(maxRows, model.maxBatchSize);
  let values = new Float32Array(0);
  for (let from = 0; from < rows; from += step) {
    const to = Math.min(rows, from + step);
    const { outputs } = await model.run(sliceTestcases(batch, from, to), to - from, []);
    const found = outputs.find(({ name }) => name === output);
    if (!(found?.data instanceof Float32Array))
      throw new UserError(`${model.model.path} gives no output ${output} of type float32`);
    if (from === 0) values = new Float32Array(rows * found.size);
    values.set(found.data.subarray(0, (to - from) * found.size), from * found.size);
    onRun();
  }
  return values;
}
