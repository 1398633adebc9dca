import { errorMessage } from '../core/errors.ts';
import { type BatchedModel, type BatchResult, sliceResult } from '../model/batched-model.ts';
import { sliceTestcases, type TestcaseBatch } from '../model/testcase-batch.ts';
import type { JudgedBatch, Objective, RerunKind, RerunOutputs } from '../objectives/objective.ts';
import { runAgain } from './run-again.ts';
import { runInHalves } from './run-in-halves.ts';

/** Data about a batch that objectives may need beside the model's outputs. */
export interface BatchContext {
  /** Per row, the class of its seed; below 0 if that is unknown. */
  readonly labels?: ArrayLike<number> | undefined;
  readonly time?: JudgedBatch['time'] | undefined;
  /** Results of the numerical site that the run is directed at. */
  readonly siteTensors?: JudgedBatch['siteTensors'] | undefined;
  /** The testcases that ran, for objectives that run them again. */
  readonly testcases?: TestcaseBatch | undefined;
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
  model: BatchedModel,
  result: BatchResult,
  { labels, time, siteTensors, testcases }: BatchContext,
  transform: (() => TestcaseBatch) | undefined,
): Promise<readonly BatchSlice[]> {
  const run: JudgedBatch = {
    ...result,
    ...(objective.labelled === true && labels !== undefined ? { labels } : {}),
    ...(objective.timed === true && time !== undefined ? { time } : {}),
    ...(objective.judgesSites === true && siteTensors !== undefined ? { siteTensors } : {}),
    ...(objective.reruns === undefined || testcases === undefined
      ? {}
      : { reruns: await furtherRuns(model, objective.reruns, testcases, result.rows) }),
  };
  const whole =
    objective.measure === undefined || testcases === undefined
      ? run
      : { ...run, measured: await objective.measure(model, testcases, run) };
  if (objective.change === undefined || transform === undefined) return [{ batch: whole, firstRow: 0 }];
  const transformed = transform();
  const { rows } = result;
  const runTransformed = (from: number, to: number): Promise<BatchResult> =>
    model.run(to - from === rows ? transformed : sliceTestcases(transformed, from, to), to - from, []);
  const slices: BatchSlice[] = [];
  for await (const outcome of runInHalves(0, rows, runTransformed)) {
    const { from, to } = outcome;
    const batch = to - from === rows ? whole : sliceBatch(whole, from, to);
    const added =
      'error' in outcome
        ? { transformedError: errorMessage(outcome.error) }
        : { transformed: outcome.result };
    slices.push({ batch: { ...batch, ...added }, firstRow: from });
  }
  return slices;
}

async function furtherRuns(
  model: Parameters<typeof runAgain>[0],
  kinds: readonly RerunKind[],
  testcases: TestcaseBatch,
  rows: number,
): Promise<ReadonlyMap<RerunKind, RerunOutputs>> {
  const runs = new Map<RerunKind, RerunOutputs>();
  for (const kind of kinds) {
    const outputs = await runAgain(model, kind, testcases, rows);
    if (outputs !== undefined) runs.set(kind, outputs);
  }
  return runs;
}

/** Rows `[from, to)` of a batch: views, without copying; without what is of the whole batch, as further runs. */
export function sliceBatch(batch: JudgedBatch, from: number, to: number): JudgedBatch {
  const {
    labels,
    transformed,
    prefilled: _ofAllRows,
    siteTensors: _whole,
    reruns: _runs,
    measured,
    ...rest
  } = batch;
  return {
    ...rest,
    ...sliceResult(batch, from, to),
    ...(labels === undefined ? {} : { labels: Array.from(labels).slice(from, to) }),
    ...(measured === undefined
      ? {}
      : { measured: { ...measured, values: measured.values.subarray(from, to) } }),
    ...(transformed === undefined ? {} : { transformed: sliceResult(transformed, from, to) }),
  };
}
