import { readNumber } from '../tensor/tensor.ts';
import type { BatchedModel } from './batched-model.ts';
import type { TestcaseBatch } from './testcase-batch.ts';
import { visitTensors } from './visit-tensors.ts';

/**
 * The largest magnitude of each tensor over testcases; infinite where a value is not finite.
 *
 * @param tensors inputs and watchable tensors of floats; others are ignored
 * @param beat called between runs
 */
export async function largestMagnitudes(
  model: BatchedModel,
  testcases: readonly TestcaseBatch[],
  tensors: readonly string[],
  beat: () => void,
): Promise<ReadonlyMap<string, number>> {
  const largest = new Map<string, number>();
  await visitTensors(
    model,
    testcases,
    tensors,
    (name, { type, data }) => {
      let most = largest.get(name) ?? 0;
      for (let i = 0; i < data.length; i++) {
        const magnitude = Math.abs(readNumber(type, data, i));
        if (magnitude > most || Number.isNaN(magnitude))
          most = Number.isNaN(magnitude) ? Number.POSITIVE_INFINITY : magnitude;
      }
      largest.set(name, most);
    },
    beat,
  );
  return largest;
}
