import { errorMessage } from '../core/errors.ts';
import type { BatchedModel, BatchResult, BatchTensor, TestcaseBatch } from '../model/batched-model.ts';
import type { JudgedBatch, Objective } from '../objectives/objective.ts';
import { rowsOf } from '../tensor/tensor.ts';

/** Data about a batch that objectives may need beside the model's outputs. */
export interface BatchContext {
  /** Per row, the class of its seed; below 0 if that is unknown. */
  readonly labels?: ArrayLike<number> | undefined;
  readonly time?: JudgedBatch['time'] | undefined;
}

/** A contiguous slice of a batch. One slice covers the batch unless some transformed rows failed to run. */
export interface BatchSlice {
  readonly batch: JudgedBatch;
  /** Index of the slice's first row in the batch. */
  readonly firstRow: number;
}

/**
 * Prepares a batch for an objective. Runs the transformed testcases of a metamorphic objective, all rows together; if the
 * runtime fails, the batch is halved until each failing row is alone.
 *
 * @param transform creates the transformed rows; undefined if they can't be created
 */
export async function prepareSlices(
  objective: Objective,
  model: Pick<BatchedModel, 'run'>,
  result: BatchResult,
  { labels, time }: BatchContext,
  transform: (() => TestcaseBatch) | undefined,
): Promise<readonly BatchSlice[]> {
  const whole: JudgedBatch = {
    ...result,
    ...(objective.labelled === true && labels !== undefined ? { labels } : {}),
    ...(objective.timed === true && time !== undefined ? { time } : {}),
  };
  if (objective.change === undefined || transform === undefined) return [{ batch: whole, firstRow: 0 }];
  return runTransformed(model, whole, transform(), 0);
}

async function runTransformed(
  model: Pick<BatchedModel, 'run'>,
  run: JudgedBatch,
  transformed: TestcaseBatch,
  firstRow: number,
): Promise<readonly BatchSlice[]> {
  try {
    return [{ batch: { ...run, transformed: await model.run(transformed, run.rows, []) }, firstRow }];
  } catch (error) {
    if (run.rows === 1) return [{ batch: { ...run, transformedError: errorMessage(error) }, firstRow }];
    const middle = run.rows >> 1;
    const runPart = (from: number, to: number): Promise<readonly BatchSlice[]> =>
      runTransformed(
        model,
        sliceBatch(run, from, to),
        sliceTestcases(transformed, from, to),
        firstRow + from,
      );
    return [...(await runPart(0, middle)), ...(await runPart(middle, run.rows))];
  }
}

/** Rows `[from, to)` of a batch: views, without copying. */
export function sliceBatch(run: JudgedBatch, from: number, to: number): JudgedBatch {
  const cut = (tensors: readonly BatchTensor[]): BatchTensor[] =>
    tensors.map((tensor) => ({ ...tensor, data: rowsOf(tensor.data, tensor.size, from, to) }));
  const cutResult = (result: BatchResult): BatchResult => ({
    rows: to - from,
    inputs: cut(result.inputs),
    outputs: cut(result.outputs),
    activations: cut(result.activations),
    ...(result.secondOutputs === undefined ? {} : { secondOutputs: cut(result.secondOutputs) }),
    ...(result.texts === undefined ? {} : { texts: result.texts.slice(from, to) }),
  });
  return {
    ...run,
    ...cutResult(run),
    ...(run.labels === undefined ? {} : { labels: Array.from(run.labels).slice(from, to) }),
    ...(run.transformed === undefined ? {} : { transformed: cutResult(run.transformed) }),
  };
}

/** Rows `[from, to)` of testcases: views, without copying. */
export function sliceTestcases({ form, inputs }: TestcaseBatch, from: number, to: number): TestcaseBatch {
  return { form, inputs: form.inputs.map(({ size }, i) => rowsOf(inputs[i], size, from, to)) };
}
