import { suggestName } from '../../../core/did-you-mean.ts';
import { UserError } from '../../../core/errors.ts';
import type { TestcaseData } from '../../../inputs/testcase.ts';
import { findLogits } from '../../../model/graph/find-logits.ts';
import { CONFIDENCE_KINDS, isConfidenceKind } from '../../../objectives/class-answer.ts';
import { type AnswerRule, findScores } from '../../../objectives/confident-error.ts';
import { isDistribution, RowReader } from '../../../objectives/output-difference.ts';
import type { ModelSession } from '../../../workers/model-session.ts';
import type { BatchOutputs } from '../../../workers/services/model-service.ts';

/** Inputs that tell whether an output holds softmax shares. */
const TRIED_INPUTS = 16;

/**
 * Chooses the tensor that answers are read from: the logits before the softmax, the class output where that is none, else its
 * shares.
 *
 * @param seesInner whether the tensor may be none of the outputs
 * @throws UserError where there is no output with a value for each class, or none of the confidence's name
 */
export async function chooseAnswerRule(
  session: ModelSession,
  testcases: readonly TestcaseData[],
  confidence: string,
  seesInner = true,
): Promise<{ readonly rule: AnswerRule; readonly classes: number }> {
  const { graph, watchable } = session.info;
  const tried = testcases.slice(0, TRIED_INPUTS);
  const before = findLogits(graph)?.tensor;
  // A comma would end the name in the spec of an objective.
  const isVisible = before !== undefined && (seesInner || session.info.outputs.includes(before));
  const logits = isVisible && watchable.includes(before) && !before.includes(',') ? before : undefined;
  const runs = await session.run(tried, logits === undefined ? [] : [logits]);
  checkConfidence(confidence, runs[0]);
  const reader = new RowReader();
  const output = findScores(runs[0], undefined);
  if (output === undefined)
    throw new UserError(
      'the confidence of a class needs an output with a value for each class, and there is none',
    );
  if (logits !== undefined && findScores(runs[0], logits)?.size === output.size)
    return { rule: { confidence, logits }, classes: output.size };
  const areShares = runs.every((run) => {
    const scores = findScores(run, undefined);
    return (
      scores !== undefined &&
      Array.from({ length: run.rows }, (_, row) => row).every((row) =>
        isDistribution(reader.read(scores, row)),
      )
    );
  });
  const isNamed = !areShares && !output.name.includes(',');
  return { rule: { confidence, logits: isNamed ? output.name : undefined }, classes: output.size };
}

/** @throws UserError where a confidence is neither a measure nor an output with one value per row */
function checkConfidence(confidence: string, { outputs }: BatchOutputs): void {
  if (isConfidenceKind(confidence)) return;
  const single = outputs.filter(({ size }) => size === 1).map(({ name }) => name);
  if (!single.includes(confidence)) {
    const known = [...CONFIDENCE_KINDS, ...single];
    throw new UserError(
      `--confidence must be ${CONFIDENCE_KINDS.join(', ')} or an output with one value per row, not ${confidence}: ${suggestName(confidence, known)}`,
    );
  }
  if (confidence.includes(','))
    throw new UserError(`--confidence: the name of output ${confidence} has a comma: rename it in the model`);
}
