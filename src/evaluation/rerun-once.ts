import { errorMessage } from '../core/errors.ts';
import { NO_CLASS } from '../inputs/class-label.ts';
import type { BatchedModel, BatchResult } from '../model/batched-model.ts';
import type { TestcaseBatch } from '../model/testcase-batch.ts';
import { sliceTestcases } from '../model/testcase-batch.ts';
import { failedRunViolation } from '../objectives/crash-signature.ts';
import { isSignatureOf, type Objective, type Violation } from '../objectives/objective.ts';
import { type AttributedViolation, type Attributor, isMeant } from './attributor.ts';
import { type ExpectedViolation, innerTensorsOf } from './expected-violation.ts';
import { traceFailedRun } from './failed-run.ts';
import { judgeGuarded } from './judge-guarded.ts';
import { asPairResult } from './pair-outputs.ts';
import { type BatchContext, prepareSlices, sliceBatch } from './prepare-slices.ts';
import { median } from './run-time-tracker.ts';
import { objectiveTensors } from './watched-tensors.ts';

/** A testcase in the batch in which it is run again. */
export interface RerunTestcase {
  readonly batch: TestcaseBatch;
  readonly rows: number;
  /** Row of the testcase in the batch. */
  readonly row: number;
  /** Class of the testcase's seed. */
  readonly label?: number | undefined;
  /** The testcase as transformed by a metamorphic objective. */
  readonly transformed?: TestcaseBatch | undefined;
  /** Another testcase of the same shape, for measuring the usual duration of a run. */
  readonly reference?: TestcaseBatch | undefined;
}

/** State shared by the reruns of one testcase. */
export interface RerunContext {
  readonly model: BatchedModel;
  readonly objectives: readonly Objective[];
  readonly expected: ExpectedViolation;
  readonly attributor: Attributor;
  /** Whether there is memory for tracing. */
  readonly canTrace: boolean;
  /** Attributed violations by signature: all runs have the same input, so the origin is traced once. */
  readonly attributed: Map<string, AttributedViolation>;
  /** Receives the result of each run that succeeds. */
  readonly results: BatchResult[];
}

interface ObjectiveViolation {
  readonly objective: Objective;
  readonly violation: Violation;
}

/** Runs a testcase once and returns all its violations, traced to the operations that cause them. */
export async function rerunOnce(
  context: RerunContext,
  testcase: RerunTestcase,
): Promise<AttributedViolation[]> {
  const { model, objectives, expected, attributor, attributed, results } = context;
  const { batch, rows, row, label } = testcase;
  const usual = await measureUsualSeconds(model, objectives, testcase.reference);
  const start = performance.now();
  let result: BatchResult;
  try {
    result = await model.run(batch, rows, tensorsToExpose(model, objectives, expected));
  } catch (error) {
    return [{ violation: await traceOnce(context, testcase, error) }];
  }
  const time = usual === undefined ? undefined : { took: (performance.now() - start) / 1000, usual };
  const labels =
    label === undefined
      ? undefined
      : Int32Array.from({ length: rows }, (_, i) => (i === row ? label : NO_CLASS));
  results.push(result);
  const violations: AttributedViolation[] = [];
  for (const { objective, violation } of await judge(context, testcase, result, {
    labels,
    time,
    testcases: batch,
  })) {
    let traced = attributed.get(violation.signature);
    if (traced === undefined) {
      traced = await attributor.attribute(objective, violation, {
        testcase: sliceTestcases(batch, row, row + 1),
        batch: { testcases: batch, rows },
        exhaustive: true,
      });
      attributed.set(violation.signature, traced);
    }
    if (!isMeant(traced)) violations.push(traced);
  }
  return violations;
}

/** The violation of a run that the runtime failed, traced for the first of the reruns only; alone it may not fail. */
async function traceOnce(
  { model, canTrace, attributed }: RerunContext,
  { batch, row }: RerunTestcase,
  error: unknown,
): Promise<Violation> {
  const { signature } = failedRunViolation(errorMessage(error));
  const known = attributed.get(signature);
  if (known !== undefined) return known.violation;
  const violation = await traceFailedRun(model, sliceTestcases(batch, row, row + 1), error, canTrace);
  attributed.set(signature, { violation });
  return violation;
}

/** Inner tensors of the expected violation; with all that objectives read if the violation is in one of those. */
function tensorsToExpose(
  model: BatchedModel,
  objectives: readonly Objective[],
  expected: ExpectedViolation,
): string[] {
  const read = objectiveTensors(objectives, model.model);
  const inner = innerTensorsOf(expected, model.model);
  return inner.some((name) => read.includes(name)) ? [...new Set([...inner, ...read])] : inner;
}

async function judge(
  { model, objectives, expected, results }: RerunContext,
  { row, transformed }: RerunTestcase,
  result: BatchResult,
  context: BatchContext,
): Promise<ObjectiveViolation[]> {
  const found: ObjectiveViolation[] = [];
  for (const objective of objectives) {
    const isExpected = isSignatureOf(expected.signature, objective.name);
    const isMetamorphic = objective.change !== undefined;
    // The transform is the expected objective's; other metamorphic objectives would need their own.
    if (isMetamorphic && (transformed === undefined || !isExpected)) continue;
    const judgedResult: BatchResult = isMetamorphic ? sliceBatch(result, row, row + 1) : result;
    const judgedRow = isMetamorphic ? 0 : row;
    const slices = await prepareSlices(
      objective,
      model,
      judgedResult,
      context,
      transformed && (() => transformed),
    );
    for (const { batch: run } of slices) {
      judgeGuarded(objective, isExpected, run, judgedRow, (violatingRow, violation) => {
        if (violatingRow === judgedRow) found.push({ objective, violation });
      });
      if (run.transformed !== undefined) results[results.length - 1] = asPairResult(run);
    }
  }
  return found;
}

/** Runs of the reference testcase whose median is the usual duration. */
const REFERENCE_RUNS = 7;

/** Usual duration in seconds of a run of this shape; undefined if no objective needs it. */
async function measureUsualSeconds(
  model: BatchedModel,
  objectives: readonly Objective[],
  reference: TestcaseBatch | undefined,
): Promise<number | undefined> {
  if (reference === undefined || objectives.every(({ timed }) => timed !== true)) return undefined;
  const times: number[] = [];
  for (let n = 0; n < REFERENCE_RUNS; n++) {
    const start = performance.now();
    await model.run(reference, 1, []);
    times.push((performance.now() - start) / 1000);
  }
  return median(times);
}
