import { errorMessage } from '../core/errors.ts';
import { type BatchedModel, type BatchResult, sliceResult } from '../model/batched-model.ts';
import { sliceTestcases, type TestcaseBatch } from '../model/testcase-batch.ts';
import type { JudgedBatch, Objective } from '../objectives/objective.ts';

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
 * Prepares a batch for an objective. Runs the transformed testcases of a metamorphic objective, all rows together; if
 * the runtime fails, the batch is halved until each failing row is alone.
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
export function sliceBatch(batch: JudgedBatch, from: number, to: number): JudgedBatch {
  const { labels, transformed, prefilled: _ofAllRows, ...rest } = batch;
  return {
    ...rest,
    ...sliceResult(batch, from, to),
    ...(labels === undefined ? {} : { labels: Array.from(labels).slice(from, to) }),
    ...(transformed === undefined ? {} : { transformed: sliceResult(transformed, from, to) }),
  };
}
