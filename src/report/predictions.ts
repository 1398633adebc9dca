import { escapeControl } from '../core/escape-control.ts';
import { formatNumber } from '../core/format-number.ts';
import type { TestcaseData } from '../inputs/testcase.ts';
import type { BatchTensor } from '../model/batched-model.ts';
import { className } from '../objectives/class-name.ts';
import { FAILURE_KINDS } from '../objectives/crash-signature.ts';
import { argmax, isDistribution, logSumExp, RowReader } from '../objectives/output-difference.ts';
import { comparesModels } from '../objectives/registry.ts';
import type { Finding } from '../storage/finding.ts';
import { DTYPES } from '../tensor/tensor.ts';
import type { ModelAnswer } from '../workers/services/rerun-service.ts';
import type { PredictionView } from './view-model.ts';

/** Runs the model on one testcase; undefined if the run fails. */
export type AnswerTestcase = (testcase: TestcaseData) => Promise<ModelAnswer | undefined>;

/** The testcases of a finding that the model is run on. */
export type ShownTestcases<T> = { readonly [of in PredictionView['of']]: T | undefined };

/** What the model gives for the testcases of a finding, as far as it is shown. */
export interface FindingAnswers {
  readonly predictions: readonly PredictionView[];
  /** What a language model answers to the seed. */
  readonly seedAnswer: string | undefined;
  /** Names of classes by output, for the outputs that have them. */
  readonly classes: ReadonlyMap<string, readonly string[]>;
}

/** Nothing: the model was not run. */
export const NO_ANSWERS: FindingAnswers = { predictions: [], seedAnswer: undefined, classes: new Map() };

/** The properties of a finding that its answers depend on. */
export type AnsweredFinding = Pick<Finding, 'objective' | 'violation' | 'label'>;

/** Runs the model on the seed, the finding and its changed version. Findings that end the process are not run again. */
export async function findingAnswers(
  answer: AnswerTestcase,
  finding: AnsweredFinding,
  testcases: ShownTestcases<TestcaseData>,
): Promise<FindingAnswers> {
  const run = async (testcase: TestcaseData | undefined) =>
    testcase === undefined ? undefined : answer(testcase);
  const endsProcess = FAILURE_KINDS.some((kind) => kind === finding.objective);
  const answers = {
    seed: await run(testcases.seed),
    finding: endsProcess ? undefined : await run(testcases.finding),
    transformed: endsProcess ? undefined : await run(testcases.transformed),
  };
  const named = (answers.finding?.outputs ?? []).flatMap(({ name, classes }) =>
    classes === undefined ? [] : [[name, classes] as const],
  );
  return {
    predictions: predictionsOf(answers, finding),
    seedAnswer: answers.seed?.text?.answer,
    classes: new Map(named),
  };
}

/** What the model, and the second model of a pair, predict for each testcase; nothing of language models. */
function predictionsOf(
  answers: ShownTestcases<ModelAnswer>,
  { objective, violation, label }: AnsweredFinding,
): PredictionView[] {
  const { class: wrong, gap } = violation.details;
  const options = { comparesClasses: label !== undefined || wrong !== undefined || gap !== undefined };
  return (['seed', 'finding', 'transformed'] as const).flatMap((of): PredictionView[] => {
    const answer = answers[of];
    if (answer === undefined || answer.text !== undefined) return [];
    const isPair = comparesModels(objective) && answer.secondOutputs !== undefined;
    const first = predictionText(answer.outputs, options);
    const second = isPair ? predictionText(answer.secondOutputs ?? [], options) : undefined;
    return [
      ...(first === undefined ? [] : [{ of, model: isPair ? ('model' as const) : undefined, text: first }]),
      ...(second === undefined ? [] : [{ of, model: 'second model' as const, text: second }]),
    ];
  });
}

/** Whether the campaign's objective compares classes, so that the values of an output are scores of classes. */
export interface PredictionOptions {
  readonly comparesClasses: boolean;
}

/**
 * What a model predicts for one testcase, for people: `7 (98.2 %)`, `setosa (61 %)`, `no class: NaN`. Values that sum to 1 are
 * probabilities; other values are logits of classes only where the model names the classes or the objective compares them. Otherwise
 * it is the largest value.
 *
 * @param outputs of one testcase
 * @returns undefined if no output is a vector or a single number
 */
export function predictionText(
  outputs: readonly BatchTensor[],
  { comparesClasses }: PredictionOptions,
): string | undefined {
  const output =
    outputs.find(isVector) ?? outputs.find(({ size, classes }) => size === 1 || classes !== undefined);
  if (output === undefined) return undefined;
  const values = new RowReader().read(output, 0);
  if (values.length === 1) return singleText(output, values[0]);
  if (values.some(Number.isNaN)) return `no class: ${escapeControl(output.name)} holds NaN`;
  const best = argmax(values);
  const areProbabilities = isDistribution(values);
  if (!areProbabilities && output.classes === undefined && !comparesClasses)
    return `largest value: ${escapeControl(output.name)}[${best}] = ${formatNumber(values[best], 4)}`;
  const share = areProbabilities
    ? values[best]
    : Math.exp(values[best] - logSumExp(values, 0, values.length, false));
  return `class ${className(output, best)}${Number.isFinite(share) ? ` (${percentText(share)})` : ''}`;
}

/** Whether an output holds one vector of floats per testcase. */
function isVector({ type, size, shape }: BatchTensor): boolean {
  return DTYPES[type].kind === 'float' && size > 1 && (shape.at(-1) ?? size) === size;
}

function singleText(output: BatchTensor, value: number): string {
  const name = escapeControl(output.name);
  if (DTYPES[output.type].kind !== 'float' && output.classes !== undefined)
    return `class ${className(output, value)}`;
  return `${name} = ${formatNumber(value, 4)}`;
}

/** A share in percent; one that is not quite the whole is not written as 100 %. */
function percentText(share: number): string {
  const percent = 100 * share;
  const rounded = formatNumber(percent, 3);
  return `${rounded === '100' && percent < 100 ? '> 99.9' : rounded} %`;
}
