import { errorMessage, UserError } from '../../core/errors.ts';
import { Judges } from '../../evaluation/judges.ts';
import type { TestcaseData } from '../../inputs/testcase.ts';
import { BatchedModel } from '../../model/batched-model.ts';
import { inputDifference } from '../../model/input-difference.ts';
import type { Model } from '../../model/model.ts';
import { findClassOutput } from '../../objectives/misclassified.ts';
import { loadWithinLimits } from '../load-within-limits.ts';

/** A judge's path, and the path as the settings have it. */
export interface JudgePath {
  readonly path: string;
  readonly given: string;
}

/** The judges of a campaign. Plain data. */
export interface JudgeSetup {
  readonly models: readonly JudgePath[];
  /** Softmax share of the seed's class from which on a judge is sure. */
  readonly sure: number;
}

let opened: readonly Model[] = [];

async function openAll(judges: readonly JudgePath[]): Promise<readonly Model[]> {
  for (const model of opened) await model.dispose();
  opened = [];
  const models: Model[] = [];
  for (const { path } of judges) {
    try {
      models.push(await loadWithinLimits(path, { runtime: 'auto' }));
    } catch (error) {
      throw error instanceof UserError ? new UserError(`--judge: ${error.message}`) : error;
    }
  }
  opened = models;
  return models;
}

/** Opens the judges of a campaign. @throws UserError where one can't be loaded */
export async function openJudges({ models: paths, sure }: JudgeSetup): Promise<Judges> {
  const models = await openAll(paths);
  return new Judges(
    models.map((model, i) => ({ name: paths[i].given, model: new BatchedModel(model) })),
    sure,
  );
}

/**
 * Checks that judges take the inputs of a model and tell its classes.
 *
 * @returns their digests
 * @throws UserError naming the judge that does not fit
 */
export async function checkJudges(
  judges: readonly JudgePath[],
  model: Model,
  testcase: TestcaseData,
): Promise<string[]> {
  const classes = findClassOutput(await new BatchedModel(model).run(testcase, 1, []));
  if (classes === undefined)
    throw new UserError('--judge: the model has no output with a value for each class: leave --judge out');
  for (const [i, judge] of (await openAll(judges)).entries()) {
    const { given } = judges[i];
    const difference = inputDifference(judge.inputs, model.inputs);
    if (difference !== undefined) throw new UserError(`--judge: ${given} ${difference}`);
    const output = findClassOutput(
      await new BatchedModel(judge).run(testcase, 1, []).catch((error: unknown) => {
        throw new UserError(`--judge: ${given} fails on the first seed: ${errorMessage(error)}`);
      }),
    );
    if (output?.size !== classes.size)
      throw new UserError(
        `--judge: ${given} knows ${output?.size ?? 0} classes, and the model ${classes.size}: name a judge of the same classes`,
      );
  }
  return opened.map(({ sha256 }) => sha256);
}
