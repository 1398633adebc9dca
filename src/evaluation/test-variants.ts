import type { BatchedModel, BatchResult } from '../model/batched-model.ts';
import type { TestcaseBatch } from '../model/testcase-batch.ts';
import { sliceTestcases } from '../model/testcase-batch.ts';
import { isSignatureOf, type Objective, type Violation } from '../objectives/objective.ts';
import { Attributor, isMeant } from './attributor.ts';
import { type ExpectedViolation, innerTensorsOf, isExpected } from './expected-violation.ts';
import { traceFailedRun } from './failed-run.ts';
import { judgeGuarded } from './judge-guarded.ts';
import { prepareSlices } from './prepare-slices.ts';
import { objectiveTensors } from './watched-tensors.ts';

/** Whether a variant of a testcase causes the same violation, another one, or none. */
export type VariantOutcome = 'same' | 'other' | 'none';

/** Variants of a testcase, evaluated as one batch. */
export interface VariantBatch {
  readonly batch: TestcaseBatch;
  readonly rows: number;
  /** Class of the testcase's seed. */
  readonly label?: number | undefined;
  /** Whether there is memory for tracing violations to operations. */
  readonly canTrace: boolean;
}

/**
 * Tests which variants cause the expected violation; each runs once, in a batch with the others. Violations that depend
 * on the rest of the batch are left to `rerunTestcase`.
 *
 * @returns one entry per row
 */
export async function testVariants(
  model: BatchedModel,
  objectives: readonly Objective[],
  expected: ExpectedViolation,
  variants: VariantBatch,
): Promise<boolean[]> {
  const { batch, rows, label } = variants;
  if (rows > model.maxBatchSize) return testHalves(model, objectives, expected, variants);
  const relevant = objectives.filter(
    ({ name, change }) => change === undefined && isSignatureOf(expected.signature, name),
  );
  const inner = innerTensorsOf(expected, model.model);
  const watched = [...new Set([...inner, ...objectiveTensors(relevant, model.model)])];
  let result: BatchResult;
  try {
    result = await model.run(batch, rows, watched);
  } catch (error) {
    if (rows > 1) return testHalves(model, objectives, expected, variants);
    return [isExpected(await traceFailedRun(model, batch, error, variants.canTrace), expected)];
  }
  const attributor = new Attributor(model, variants.canTrace);
  const isSame = new Array<boolean>(rows).fill(false);
  const labels = label === undefined ? undefined : new Int32Array(rows).fill(label);
  for (const objective of relevant) {
    const [{ batch: run }] = await prepareSlices(
      objective,
      model,
      result,
      { labels, testcases: batch },
      undefined,
    );
    const violations: { readonly row: number; readonly violation: Violation }[] = [];
    judgeGuarded(objective, true, run, 0, (row, violation) => violations.push({ row, violation }));
    for (const { row, violation } of violations) {
      if (isSame[row]) continue;
      const testcase = sliceTestcases(batch, row, row + 1);
      const attributed =
        violation.signature === expected.signature
          ? { violation }
          : await attributor.attribute(objective, violation, { testcase, exhaustive: true });
      isSame[row] = !isMeant(attributed) && attributed.violation.signature === expected.signature;
    }
  }
  return isSame;
}

async function testHalves(
  model: BatchedModel,
  objectives: readonly Objective[],
  expected: ExpectedViolation,
  variants: VariantBatch,
): Promise<boolean[]> {
  const { batch, rows } = variants;
  const middle = rows >> 1;
  const testHalf = (from: number, to: number): Promise<boolean[]> =>
    testVariants(model, objectives, expected, {
      ...variants,
      batch: sliceTestcases(batch, from, to),
      rows: to - from,
    });
  return [...(await testHalf(0, middle)), ...(await testHalf(middle, rows))];
}
