import { errorMessage } from '../core/errors.ts';
import type { TestcaseData } from '../inputs/testcase.ts';
import { BatchedModel } from '../model/batched-model.ts';
import type { Model } from '../model/model.ts';
import { packBatch } from '../model/testcase-batch.ts';

/** Milliseconds that a run may take whose sizes were guessed. */
export const TRY_TIMEOUT_MS = 10_000;

/** Runs one testcase alone, with no tensors exposed. @returns the runtime's message where it fails */
export async function tryRun(model: Model, testcase: TestcaseData): Promise<string | undefined> {
  try {
    await new BatchedModel(model).run(packBatch([testcase]), 1, []);
    return undefined;
  } catch (error) {
    return errorMessage(error);
  }
}
