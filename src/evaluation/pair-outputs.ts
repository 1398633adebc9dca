import type { BatchResult, BatchTensor } from '../model/batched-model.ts';
import type { NamedTensor } from '../model/model.ts';
import type { JudgedBatch } from '../objectives/objective.ts';
import { bytesOf, cloneData, rowsOf } from '../tensor/tensor.ts';

/**
 * Outputs of two runs on one testcase: of two models, or of one model on the testcase and its transform. Named by the
 * reference's outputs.
 */
export interface PairOutputs {
  readonly reference: readonly NamedTensor[];
  readonly second: readonly NamedTensor[];
}

/** Presents the outputs for the transformed testcase as those of a second model. */
export function asPairResult({ transformed, ...run }: JudgedBatch): BatchResult {
  return { ...run, secondOutputs: transformed?.outputs ?? [] };
}

/**
 * Outputs of the first of several reruns for a row, and whether the reference's are bit-identical in all of them. Empty
 * without a second model.
 */
export function pairOutputsOf(
  results: readonly BatchResult[],
  rowInBatch: number,
): { readonly outputs?: PairOutputs; readonly isDeterministic?: boolean } {
  const [first, ...further] = results;
  if (first?.secondOutputs === undefined) return {};
  // A metamorphic rerun holds the testcase's row alone.
  const row = first.rows === 1 ? 0 : rowInBatch;
  const reference = rowTensors(first.outputs, row);
  const isDeterministic = further.every(({ outputs }) =>
    rowTensors(outputs, row).every(
      ({ data }, i) => Buffer.compare(bytesOf(data), bytesOf(reference[i].data)) === 0,
    ),
  );
  return { outputs: { reference, second: rowTensors(first.secondOutputs, row) }, isDeterministic };
}

function rowTensors(tensors: readonly BatchTensor[], row: number): NamedTensor[] {
  return tensors.map(({ name, type, shape, size, data }) => ({
    name,
    type,
    shape,
    data: cloneData(rowsOf(data, size, row, row + 1)),
  }));
}
