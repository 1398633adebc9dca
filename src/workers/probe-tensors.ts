import type { TestcaseData } from '../inputs/testcase.ts';
import type { BatchedModel } from '../model/batched-model.ts';
import { packBatch } from '../model/testcase-batch.ts';
import type { ProbeResult } from './worker-setup.ts';

/**
 * How a model takes one and two testcases while tensors are watched, and how large their values are.
 *
 * @param model is limited to one testcase a run where it does not take two
 * @throws UserError if the model fails on the first testcase
 */
export async function probeTensors(
  model: BatchedModel,
  testcases: readonly TestcaseData[],
  watched: readonly string[],
): Promise<ProbeResult> {
  const batch = packBatch(testcases);
  const probe = await model.probe(batch, watched);
  const unbatchedTensors =
    probe.batchLimitReason === undefined ? [] : await model.findUnbatchedTensors(batch, watched);
  return {
    ...probe,
    largestBatch: model.maxBatchSize,
    unbatchedTensors,
  };
}
