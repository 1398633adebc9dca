import { errorMessage } from '../core/errors.ts';
import type { BatchedModel } from '../model/batched-model.ts';
import type { TestcaseBatch } from '../model/testcase-batch.ts';
import { failedRunViolation } from '../objectives/crash-signature.ts';
import type { Violation } from '../objectives/objective.ts';

/**
 * The violation of a run that the runtime failed, named after an operation of the graph as its file has it: a runtime that
 * optimises graphs moves, fuses and removes operations, and blames what it made of them. So the testcase runs again without that.
 *
 * @param testcase that failed alone
 * @param canTrace whether there is memory for a further session
 */
export async function traceFailedRun(
  model: BatchedModel,
  testcase: TestcaseBatch,
  error: unknown,
  canTrace: boolean,
): Promise<Violation> {
  const violation = failedRunViolation(errorMessage(error));
  const { unoptimizedRun } = model.model.capabilities;
  if (!canTrace || unoptimizedRun === undefined || violation.objective !== 'crash') return violation;
  try {
    await unoptimizedRun.run(model.feeds(testcase, 1));
  } catch (unoptimizedError) {
    const traced = failedRunViolation(errorMessage(unoptimizedError));
    // A graph that does not even open without optimisation names no operation.
    if (traced.details.origin === undefined || traced.signature === violation.signature) return violation;
    return { ...traced, symptom: violation.signature };
  }
  return violation;
}
