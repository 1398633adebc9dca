import { errorMessage } from '../core/errors.ts';
import type { BatchedModel, BatchResult } from '../model/batched-model.ts';
import type { TestcaseBatch } from '../model/testcase-batch.ts';
import { failedRunViolation } from '../objectives/crash-signature.ts';
import { isNoFault, type Objective, type Violation } from '../objectives/objective.ts';
import { prepareSlices } from './prepare-slices.ts';

/** What objectives say of a testcase. */
export interface TestcaseVerdict {
  /** The violation of the first objective that reports one; undefined where none does. Ties are none. */
  readonly violation?: Violation;
  /** Where it is a seed: why the violation is the seed's fault and not the model's, a clause for people. */
  readonly exemption?: string;
  /** Why an objective cannot judge the model, a clause after its name; nothing is judged then. */
  readonly refusal?: string;
}

/**
 * Runs a testcase once, alone, and has objectives judge it. A run that fails is a violation.
 *
 * @param label the class that its seed shows; undefined where that is not known
 */
export async function judgeTestcase(
  model: BatchedModel,
  objectives: readonly Objective[],
  testcase: TestcaseBatch,
  label: number | undefined,
): Promise<TestcaseVerdict> {
  let result: BatchResult;
  try {
    result = await model.run(testcase, 1, []);
  } catch (error) {
    return { violation: failedRunViolation(errorMessage(error)) };
  }
  const labels = label === undefined ? undefined : Int32Array.of(label);
  for (const objective of objectives) {
    const [{ batch }] = await prepareSlices(
      objective,
      model,
      result,
      { labels, testcases: testcase },
      undefined,
    );
    const refusal = objective.refuses?.(batch);
    if (refusal !== undefined) return { refusal: `${objective.name} ${refusal}` };
    let violation: Violation | undefined;
    objective.judge(batch, (_row, reported) => {
      violation ??= reported;
    });
    if (violation === undefined || isNoFault(violation.signature)) continue;
    const { seedExemption } = objective;
    return { violation, ...(seedExemption === undefined ? {} : { exemption: seedExemption }) };
  }
  return {};
}
