import { UserError } from '../core/errors.ts';
import type { TestcaseData } from '../inputs/testcase.ts';
import { inputGradients, padded } from '../model/batched-gradient.ts';
import type { BatchedModel, BatchTensor } from '../model/batched-model.ts';
import { packBatch } from '../model/testcase-batch.ts';
import { areSharesIn } from '../objectives/class-answer.ts';
import { type AnswerRule, findScores } from '../objectives/confident-error.ts';
import { logSumExp, RowReader, toLogit } from '../objectives/output-difference.ts';
import { makeData, readNumber, writeNumber } from '../tensor/tensor.ts';
import { addProgramGradient, applyProgram, type Placement, programValues } from './program.ts';

/** Most testcases whose gradients are computed in one run. */
const GRADIENT_ROWS = 32;

/** A loss over the logits of one input, with its gradient with respect to them. */
export type LogitLoss = (logits: Float64Array, row: number) => { loss: number; gradient: Float64Array };

/** The cross-entropy of one class. */
export function classLoss(target: number): LogitLoss {
  return (logits) => {
    const total = logSumExp(logits, 0, logits.length, false);
    const gradient = logits.map((logit) => Math.exp(logit - total));
    gradient[target] -= 1;
    return { loss: total - logits[target], gradient };
  };
}

/** Inputs to run with a program in them. Plain data, sent between processes. */
export interface ProgramRun extends Omit<ProgramOracleOptions, 'maxRows'> {
  readonly inputs: readonly TestcaseData[];
  /** W, one for each value of the input. */
  readonly weights: ArrayLike<number>;
}

export interface ProgramOracleOptions {
  readonly placement: Placement;
  /** Place of the changed input among the model's. */
  readonly position: number;
  readonly rule: AnswerRule;
  readonly maxRows: number;
}

/** Runs a model on inputs with a program in them. */
export class ProgramOracle {
  readonly #model: BatchedModel;
  readonly #options: ProgramOracleOptions;
  readonly #watched: readonly string[];
  readonly #reader = new RowReader();

  constructor(model: BatchedModel, options: ProgramOracleOptions) {
    this.#model = model;
    this.#options = options;
    const { logits } = options.rule;
    this.#watched = logits === undefined || model.model.outputs.includes(logits) ? [] : [logits];
  }

  /** Logits of each input with a program in it: natural logarithms of the shares where the model gives shares. */
  async logits(
    inputs: readonly TestcaseData[],
    weights: ArrayLike<number>,
    onRun: () => void = () => {},
  ): Promise<Float64Array[]> {
    const { placement, maxRows } = this.#options;
    const values = programValues(weights, placement);
    const rows = Math.min(maxRows, this.#model.maxBatchSize);
    const answers: Float64Array[] = [];
    for (let from = 0; from < inputs.length; from += rows) {
      const group = inputs.slice(from, from + rows).map((input) => this.#withProgram(input, values));
      const run = await this.#model.run(packBatch(group), group.length, this.#watched);
      const scores = this.#scoresIn(findScores(run, this.#options.rule.logits));
      for (let row = 0; row < group.length; row++) answers.push(this.#logitsOf(scores, row));
      onRun();
    }
    return answers;
  }

  /**
   * Mean of a loss over inputs with a program in them, and its gradient with respect to W.
   *
   * @throws Error where the model has no gradients
   */
  async differentiate(
    inputs: readonly TestcaseData[],
    weights: Float64Array,
    lossOf: LogitLoss,
  ): Promise<{ readonly loss: number; readonly gradient: Float64Array }> {
    const { placement, position, maxRows } = this.#options;
    const values = programValues(weights, placement);
    const gradient = new Float64Array(weights.length);
    const rows = Math.min(maxRows, this.#model.maxBatchSize, GRADIENT_ROWS);
    let sum = 0;
    for (let from = 0; from < inputs.length; from += rows) {
      const group = inputs.slice(from, from + rows);
      const points = padded(group.map((input) => this.#withProgram(input, values)));
      const run = await this.#model.run(points.batch, points.rows, this.#watched);
      const scores = this.#scoresIn(findScores(run, this.#options.rule.logits));
      const upstream = new Float32Array(points.rows * scores.size);
      for (let row = 0; row < group.length; row++) {
        const shares = this.#areShares(scores, row);
        const logits = this.#logitsOf(scores, row);
        const { loss, gradient: slope } = lossOf(logits, from + row);
        sum += loss;
        for (let k = 0; k < slope.length; k++)
          upstream[row * scores.size + k] =
            (shares ? slope[k] / Math.exp(logits[k]) : slope[k]) / inputs.length;
      }
      const { values: slopes } = await inputGradients(this.#model, points, scores.name, upstream, [], true);
      const slope = slopes[position];
      if (slope === undefined) throw new Error('the changed input has no gradient');
      const { size, type } = group[0].form.inputs[position];
      group.forEach((input, row) => {
        const before = Float64Array.from({ length: size }, (_, i) =>
          readNumber(type, input.inputs[position], i),
        );
        addProgramGradient(
          before,
          weights,
          slope.subarray(row * size, (row + 1) * size),
          placement,
          gradient,
        );
      });
    }
    return { loss: sum / inputs.length, gradient };
  }

  #withProgram(input: TestcaseData, values: Float64Array): TestcaseData {
    const { placement, position } = this.#options;
    return withProgram(input, position, values, placement);
  }

  /** @throws UserError where there is no class output */
  #scoresIn(scores: BatchTensor | undefined): BatchTensor {
    if (scores === undefined) throw new UserError('the model has no output with a value for each class');
    return scores;
  }

  #areShares(scores: BatchTensor, row: number): boolean {
    return areSharesIn(this.#reader.read(scores, row), this.#options.rule.logits !== undefined);
  }

  #logitsOf(scores: BatchTensor, row: number): Float64Array {
    const values = this.#reader.read(scores, row);
    const areShares = areSharesIn(values, this.#options.rule.logits !== undefined);
    return Float64Array.from(values, (value) => toLogit(value, areShares));
  }
}

/** A testcase with a program in one of its inputs, rounded to the input's type. */
export function withProgram(
  { form, inputs }: TestcaseData,
  position: number,
  values: Float64Array,
  placement: Placement,
): TestcaseData {
  const { type, size } = form.inputs[position];
  const before = Float64Array.from({ length: size }, (_, i) => readNumber(type, inputs[position], i));
  const after = applyProgram(before, values, placement);
  const data = makeData(type, size);
  for (let i = 0; i < size; i++) writeNumber(type, data, i, after[i]);
  return { form, inputs: inputs.with(position, data) };
}
