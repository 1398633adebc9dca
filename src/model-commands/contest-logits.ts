import type { AttackedInput } from '../attacks/attack.ts';
import type { AnswerRule } from '../attacks/run-attack.ts';
import { UserError } from '../core/errors.ts';
import { findLogits } from '../model/graph/find-logits.ts';
import type { ConfidenceKind } from '../objectives/class-answer.ts';
import { findScores } from '../objectives/confident-error.ts';
import { isDistribution, RowReader } from '../objectives/output-difference.ts';
import type { ModelSession } from '../workers/model-session.ts';

/** Inputs that tell whether an output holds softmax shares. */
const TRIED_INPUTS = 16;

/**
 * Chooses the tensor that answers are read from: the logits before the softmax, the class output where that is none, else its
 * shares.
 *
 * @throws UserError where there is no output with a value for each class
 */
export async function chooseAnswerRule(
  session: ModelSession,
  inputs: readonly AttackedInput[],
  confidence: ConfidenceKind,
): Promise<{ readonly rule: AnswerRule; readonly classes: number }> {
  const { graph, watchable } = session.info;
  const tried = inputs.slice(0, TRIED_INPUTS).map(({ data }) => data);
  const before = findLogits(graph)?.tensor;
  // A comma would end the name in the spec of an objective.
  const logits =
    before !== undefined && watchable.includes(before) && !before.includes(',') ? before : undefined;
  const runs = await session.run(tried, logits === undefined ? [] : [logits]);
  const reader = new RowReader();
  const output = findScores(runs[0], undefined);
  if (output === undefined)
    throw new UserError('a contest needs an output with a value for each class, and there is none');
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
