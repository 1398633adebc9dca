import { PluginError } from '../extensions/plugin-loader.ts';
import type { JudgedBatch, Objective, Violation } from '../objectives/objective.ts';

/**
 * Judges a batch. A failing plug-in is ignored if the expected violation is of another objective; otherwise its failure is
 * reported under a signature of its own, so that the testcase counts neither as reproduced nor as fixed.
 *
 * @param isExpected whether the expected violation is of this objective
 * @param row of the testcase, for which a failure is reported
 */
export function judgeGuarded(
  objective: Objective,
  isExpected: boolean,
  run: JudgedBatch,
  row: number,
  report: (row: number, violation: Violation) => void,
): void {
  try {
    objective.judge(run, report);
  } catch (error) {
    if (!(error instanceof PluginError)) throw error;
    if (!isExpected) return;
    report(row, {
      objective: 'plug-in',
      signature: 'plugin-failed',
      summary: error.message,
      tensors: [],
      details: {},
    });
  }
}
