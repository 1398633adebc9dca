import { errorMessage } from '../core/errors.ts';
import type { TestcaseData } from '../inputs/testcase.ts';
import { batchAxis } from '../model/batch-axis.ts';
import { BatchedModel, type BatchTensor } from '../model/batched-model.ts';
import type { LoadOptions, Model } from '../model/model.ts';
import { packBatch } from '../model/testcase-batch.ts';
import { DTYPES, readNumber } from '../tensor/tensor.ts';
import { loadWithinLimits } from './load-within-limits.ts';

/** A copy of a model with a free batch, or why rows run one by one: a clause for people. */
export type BatchOpening =
  | { readonly model: Model; readonly isExact: boolean }
  | { readonly refusal: string };

/** Largest difference of a row alone and in a batch that counts as rounding, as a share of the tensor's largest value. */
const ROUNDING_SHARE = 1e-5;

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
        const difference = largestDifference(output, together.outputs[i], row);
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

/**
 * The largest difference between an output of a row alone and of the same row in a batch, as a share of the largest value;
 * infinite where one has a NaN, an infinity or a whole number that the other does not have.
 */
function largestDifference(alone: BatchTensor, together: BatchTensor, row: number): number {
  const { type, size } = alone;
  if (together.size !== size || together.type !== type) return Number.POSITIVE_INFINITY;
  let largest = 0;
  let difference = 0;
  for (let i = 0; i < size; i++) {
    const [a, b] = [readNumber(type, alone.data, i), readNumber(type, together.data, row * size + i)];
    if (Object.is(a, b) || a === b) continue;
    if (DTYPES[type].kind !== 'float' || !Number.isFinite(a - b)) return Number.POSITIVE_INFINITY;
    difference = Math.max(difference, Math.abs(a - b));
  }
  for (let i = 0; i < size; i++) largest = Math.max(largest, Math.abs(readNumber(type, alone.data, i)));
  return difference === 0 ? 0 : difference / Math.max(largest, Number.MIN_VALUE);
}
