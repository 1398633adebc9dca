import { UserError } from '../core/errors.ts';
import { formatNumber } from '../core/format-number.ts';
import { parseSettings } from '../extensions/settings.ts';
import { parseExtensionSpec } from '../extensions/spec.ts';
import type { BatchTensor } from '../model/batched-model.ts';
import {
  answerOf,
  areSharesIn,
  type ClassAnswer,
  type ConfidenceKind,
  isConfidenceKind,
  isConfidentError,
} from './class-answer.ts';
import { className, namedClasses } from './class-name.ts';
import { logMargin, UNKNOWN_MARGIN } from './margin.ts';
import { findClassOutput } from './misclassified.ts';
import {
  instanceName,
  type JudgedBatch,
  type Objective,
  type ObjectiveKind,
  TWO_SIDED_MARGINS,
  type Violation,
} from './objective.ts';
import { RowReader, toLogit } from './output-difference.ts';

/** Classes with a margin of their own; class k shares that of class k mod this. */
const MAX_CLASSES = TWO_SIDED_MARGINS / 2;

/** Unit of the margin, in logits. */
const MARGIN_UNIT = 2 ** -20;

/** How the answers of a model are read. */
export interface AnswerRule {
  /** A measure of confidence (`ConfidenceKind`), or the name of an output that is the confidence. */
  readonly confidence: string;
  /** The tensor of logits; undefined for the class output, of whose shares the logarithms are compared. */
  readonly logits: string | undefined;
}

/** How answers are read, and from which confidence on the model answers: NaN before it is calibrated. */
export interface AbstentionRule extends AnswerRule {
  readonly threshold: number;
}

type ReadRun = Pick<JudgedBatch, 'outputs' | 'activations'>;

/** Reads answers by a rule. */
export class AnswerReader {
  readonly #rule: AnswerRule;
  readonly #scores = new RowReader();
  readonly #confidences = new RowReader();

  constructor(rule: AnswerRule) {
    this.#rule = rule;
  }

  /** The answer of a row; undefined where the run has no scores, or no confidence. */
  read(run: ReadRun, row: number, label: number): ClassAnswer | undefined {
    const scores = findScores(run, this.#rule.logits);
    const kind = this.confidenceOf(run, row);
    if (scores === undefined || kind === undefined) return undefined;
    const values = this.#scores.read(scores, row);
    return answerOf(values, label, kind, areSharesIn(values, this.#rule.logits !== undefined));
  }

  /** How the confidence of a row is measured, or the confidence itself; undefined where the run lacks its output. */
  confidenceOf(run: ReadRun, row: number): ConfidenceKind | number | undefined {
    const { confidence } = this.#rule;
    if (isConfidenceKind(confidence)) return confidence;
    const output = findConfidence(run, confidence);
    return output === undefined ? undefined : this.#confidences.read(output, row)[0];
  }
}

/** The output that is the confidence, one value per row. */
function findConfidence({ outputs }: Pick<JudgedBatch, 'outputs'>, name: string): BatchTensor | undefined {
  return outputs.find((output) => output.name === name && output.size === 1);
}

/**
 * Confident mistake of a classifier that abstains below a threshold: a wrong class with at least that confidence (Brown et al.,
 * "Unrestricted Adversarial Examples", arXiv 1809.08352).
 */
class ConfidentError implements Objective {
  readonly name: string;
  readonly labelled = true;
  readonly tensors: readonly string[];
  readonly #rule: AbstentionRule;
  readonly #answers: AnswerReader;
  readonly #reader = new RowReader();

  constructor(name: string, rule: AbstentionRule) {
    this.name = name;
    this.#answers = new AnswerReader(rule);
    this.tensors = rule.logits === undefined ? [] : [rule.logits];
    this.#rule = rule;
  }

  breaksSeed(): boolean {
    return true;
  }

  refuses(run: JudgedBatch): string | undefined {
    if (Number.isNaN(this.#rule.threshold))
      return 'has a coverage and no threshold: only fuzz takes it from the seeds; set threshold=, which contest prints';
    const output = findScores(run, this.#rule.logits);
    if (output === undefined)
      return this.#rule.logits === undefined
        ? 'needs an output with a value for each class, and there is none'
        : `refers to ${this.#rule.logits}, which the run does not have`;
    const { confidence } = this.#rule;
    if (!isConfidenceKind(confidence) && findConfidence(run, confidence) === undefined)
      return `has the confidence ${confidence}, which is neither max-logit nor margin nor an output with one value per row`;
    const outOfRange = Array.from(run.labels ?? []).find((label) => label >= output.size);
    return outOfRange === undefined
      ? undefined
      : `knows ${output.size} classes from ${output.name}, and a label says ${outOfRange}`;
  }

  judge(run: JudgedBatch, report: (row: number, violation: Violation) => void): void {
    const output = findScores(run, this.#rule.logits);
    if (output === undefined || run.labels === undefined) return;
    const { threshold, confidence: kind } = this.#rule;
    for (let row = 0; row < run.rows; row++) {
      const label = run.labels[row];
      if (label < 0) continue;
      const answer = this.#answers.read(run, row, label);
      if (answer === undefined || !isConfidentError(answer, threshold)) continue;
      const { predicted, confidence } = answer;
      const isNumber = predicted >= 0;
      const classes = isNumber ? { label, class: predicted } : { label };
      report(row, {
        objective: 'confident-error',
        signature: this.name,
        summary: isNumber
          ? `Class ${className(output, predicted)} with confidence ${formatNumber(confidence, 4)} for a seed of class ${className(output, label)} (${kind} of ${output.name}; answered from ${formatNumber(threshold, 4)})`
          : `NaN among the scores of ${output.name} for a seed of class ${className(output, label)}`,
        tensors: this.tensors,
        details: {
          output: output.name,
          ...classes,
          ...namedClasses(output, classes),
          threshold,
          ...(isNumber ? { confidence, gap: answer.gap } : {}),
        },
      });
    }
  }

  /** One margin per wrong class: how far it is below the best other class, plus how far its confidence is below the threshold. */
  margins(run: JudgedBatch, row: number, out: Float64Array): number {
    out.fill(UNKNOWN_MARGIN, 0, MAX_CLASSES);
    const output = findScores(run, this.#rule.logits);
    const label = run.labels?.[row] ?? -1;
    const confidence = this.#answers.confidenceOf(run, row);
    if (output === undefined || confidence === undefined || label < 0) return MAX_CLASSES;
    const { threshold, logits } = this.#rule;
    const values = this.#reader.read(output, row);
    const areShares = areSharesIn(values, logits !== undefined);
    const scores = values.map((value) => toLogit(value, areShares));
    for (let k = 0; k < scores.length; k++) {
      if (k === label) continue;
      const other = scores.reduce((most, score, i) => (i === k ? most : Math.max(most, score)), -Infinity);
      const sure =
        typeof confidence === 'number' ? confidence : confidence === 'margin' ? scores[k] - other : scores[k];
      const missing = Math.max(0, other - scores[k]) + Math.max(0, threshold - sure);
      const index = k % MAX_CLASSES;
      if (missing < out[index]) out[index] = missing;
    }
    for (let index = 0; index < MAX_CLASSES; index++) out[index] = logMargin(out[index], MARGIN_UNIT);
    const answer = answerOf(values, label, confidence, areShares);
    if (isConfidentError(answer, threshold)) out[Math.max(0, answer.predicted) % MAX_CLASSES] = 0;
    return MAX_CLASSES;
  }
}

/** The spec of the objective with a rule, and a name for its signature. */
export function confidentErrorSpec(name: string, { threshold, confidence, logits }: AbstentionRule): string {
  const tensor = logits === undefined ? '' : `,logits=${logits}`;
  return `confident-error:name=${name},threshold=${threshold},confidence=${confidence}${tensor}`;
}

/** The tensor of a run that has a value for each class: the logits, or the class output. */
export function findScores(
  run: Pick<JudgedBatch, 'outputs' | 'activations'>,
  logits: string | undefined,
): BatchTensor | undefined {
  if (logits === undefined) return findClassOutput(run);
  return [...run.outputs, ...run.activations].find(({ name }) => name === logits);
}

const THRESHOLD = {
  name: 'threshold',
  help: 'confidence from which the model answers; contest prints the one by which a share of the seeds is answered',
  min: -1e39,
  max: 1e39,
} as const;

/** Share of the inputs that is answered at least, and at most. */
const COVERAGE = {
  name: 'coverage',
  help: 'share of the seeds that the model answers, from which fuzz takes the threshold before it searches',
  min: 1e-6,
  max: 1,
} as const;

/** A spec that leaves the threshold to be calibrated on the seeds. */
export interface UncalibratedSpec {
  readonly spec: string;
  /** Share of the seeds that is answered. */
  readonly coverage: number;
  readonly confidence: string;
  readonly logits: string | undefined;
}

/** What a spec asks to calibrate; undefined for other objectives, and where the threshold is set. */
export function uncalibrated(spec: string): UncalibratedSpec | undefined {
  const { name, isModule, settings } = parseExtensionSpec(spec);
  if (isModule || name !== confidentError.name) return undefined;
  const { values, words } = parseSettings('--objective', name, confidentError, settings, true);
  const coverage = values(COVERAGE);
  if (coverage === undefined || values(THRESHOLD) !== undefined) return undefined;
  return { spec, coverage, confidence: words.confidence ?? 'max-logit', logits: words.logits };
}

/** A spec with the rule that was calibrated. What it asked for stays in it, so that it is known again. */
export function calibratedSpec(
  { spec, logits: named }: UncalibratedSpec,
  { threshold, logits }: AbstentionRule,
): string {
  const tensor = named !== undefined || logits === undefined ? '' : `,logits=${logits}`;
  return `${spec},threshold=${threshold}${tensor}`;
}

/** Whether a spec is another one after it was calibrated. */
export function isCalibrated(spec: string, from: UncalibratedSpec): boolean {
  return spec.startsWith(`${from.spec},threshold=`);
}

export const confidentError: ObjectiveKind = {
  name: 'confident-error',
  help: 'a wrong class with a confidence from which the model answers; needs --labels',
  source: 'Unrestricted Adversarial Examples (Brown et al. 2018)',
  parameters: [THRESHOLD, COVERAGE],
  words: {
    confidence: {
      help: 'what the confidence is: max-logit, margin, the lead over the second class, or the name of an output with one value',
    },
    logits: { help: 'the tensor of logits; by default the class output, of shares their logarithms' },
  },
  breaksSeeds: true,
  make(values, { name, words }) {
    const threshold = values(THRESHOLD);
    if (threshold === undefined && values(COVERAGE) === undefined)
      throw new UserError(
        '--objective: confident-error needs the share of the seeds that the model answers, such as confident-error:coverage=0.8, or the confidence from which it does, such as confident-error:threshold=4.2',
      );
    return new ConfidentError(instanceName('confident-error', name), {
      threshold: threshold ?? Number.NaN,
      confidence: words.confidence ?? 'max-logit',
      logits: words.logits,
    });
  },
};
