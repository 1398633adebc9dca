import { largestDifference, ROUNDING_SHARE, rowValues } from '../analysis/batch-dependence/row-difference.ts';
import { errorMessage } from '../core/errors.ts';
import type { TestcaseData } from '../inputs/testcase.ts';
import { batchAxis } from '../model/batch-axis.ts';
import { BatchedModel } from '../model/batched-model.ts';
import type { LoadOptions, Model } from '../model/model.ts';
import { packBatch } from '../model/testcase-batch.ts';
import { loadWithinLimits } from './load-within-limits.ts';

/** A copy of a model with a free batch, or why rows run one by one: a clause for people. */
export type BatchOpening =
  | { readonly model: Model; readonly isExact: boolean }
  | { readonly refusal: string };

/**
 * Loads a copy of a model whose batch is free instead of 1, and runs testcases in it together and in the model alone: the
 * results must be equal, or equal but for rounding.
 *
 * @param testcases two different ones at least, of one shape
 */
export async function tryOpenBatch(
  original: Model,
  options: LoadOptions,
  testcases: readonly TestcaseData[],
): Promise<BatchOpening> {
  let copy: Model | undefined;
  try {
    copy = await loadWithinLimits(original.path, { ...options, opensBatch: true });
    if (batchAxis(copy.inputs) !== 'free') throw new Error('its inputs keep their batch');
    const alone = new BatchedModel(original);
    const batch = packBatch(testcases);
    const together = await new BatchedModel(copy).run(batch, testcases.length, []);
    let isExact = true;
    for (const [row, testcase] of testcases.entries()) {
      const { outputs } = await alone.run(packBatch([testcase]), 1, []);
      outputs.forEach((output, i) => {
        const inBatch = together.outputs[i];
        const difference = largestDifference(rowValues(output, 0), rowValues(inBatch, row));
        if (difference > ROUNDING_SHARE)
          throw new Error(`${output.name} differs between rows alone and together`);
        if (difference > 0) isExact = false;
      });
    }
    return { model: copy, isExact };
  } catch (error) {
    await copy?.dispose();
    const prefix = `${original.path}: its batch of 1 cannot be opened: `;
    return { refusal: errorMessage(error).replace(prefix, '') };
  }
}
