import { UserError } from '../core/errors.ts';
import type { TestcaseData } from '../inputs/testcase.ts';
import { inputGradients, padded } from '../model/batched-gradient.ts';
import type { BatchedModel, BatchTensor } from '../model/batched-model.ts';
import { packBatch } from '../model/testcase-batch.ts';
import { areSharesIn } from '../objectives/class-answer.ts';
import { type AnswerRule, findScores } from '../objectives/confident-error.ts';
import { RowReader, toLogit } from '../objectives/output-difference.ts';
import { makeData, readNumber, writeNumber } from '../tensor/tensor.ts';
import type { LogitLoss } from './losses.ts';
import { addProgramGradient, applyProgram, type Placement, programValues, type Writing } from './program.ts';

/** Most testcases whose gradients are computed in one run. */
const GRADIENT_ROWS = 32;

/** Inputs to run with a program in them. Plain data, sent between processes. */
export interface ProgramRun extends Omit<ProgramOracleOptions, 'maxRows'> {
  readonly inputs: readonly TestcaseData[];
  /** W, one for each value of the placement's mask. */
  readonly weights: ArrayLike<number>;
  /** Share of the change, from 0 to 1, which is the default. */
  readonly strength?: number;
  /** Of each input, where a patch lies in it; 0 by default. */
  readonly offsets?: ArrayLike<number>;
}

/** How a program is written into a row of inputs. */
type Writings = Pick<ProgramRun, 'strength' | 'offsets'>;

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
    writings: Writings = {},
    onRun: () => void = () => {},
  ): Promise<Float64Array[]> {
    const { placement, maxRows } = this.#options;
    const values = programValues(weights, placement);
    const rows = Math.min(maxRows, this.#model.maxBatchSize);
    const answers: Float64Array[] = [];
    for (let from = 0; from < inputs.length; from += rows) {
      const group = inputs
        .slice(from, from + rows)
        .map((input, i) => this.#withProgram(input, values, writingOf(writings, from + i)));
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
    offsets: ArrayLike<number> = [],
  ): Promise<{ readonly loss: number; readonly gradient: Float64Array }> {
    const { placement, position, maxRows } = this.#options;
    const values = programValues(weights, placement);
    const gradient = new Float64Array(weights.length);
    const rows = Math.min(maxRows, this.#model.maxBatchSize, GRADIENT_ROWS);
    let sum = 0;
    for (let from = 0; from < inputs.length; from += rows) {
      const group = inputs.slice(from, from + rows);
      const writing = (row: number): Writing => writingOf({ offsets }, from + row);
      const points = padded(group.map((input, row) => this.#withProgram(input, values, writing(row))));
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
      const { size } = group[0].form.inputs[position];
      group.forEach((input, row) => {
        addProgramGradient(
          valuesOf(input, position),
          weights,
          slope.subarray(row * size, (row + 1) * size),
          placement,
          gradient,
          writing(row),
        );
      });
    }
    return { loss: sum / inputs.length, gradient };
  }

  #withProgram(input: TestcaseData, values: Float64Array, writing: Writing): TestcaseData {
    const { placement, position } = this.#options;
    return withProgram(input, position, values, placement, writing);
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

function writingOf({ strength = 1, offsets = [] }: Writings, row: number): Writing {
  return { strength, offset: offsets[row] ?? 0 };
}

/** A testcase with a program in one of its inputs, rounded to the input's type. */
export function withProgram(
  testcase: TestcaseData,
  position: number,
  values: Float64Array,
  placement: Placement,
  writing: Writing = {},
): TestcaseData {
  const { form, inputs } = testcase;
  const { type, size } = form.inputs[position];
  const after = applyProgram(valuesOf(testcase, position), values, placement, writing);
  if (type === 'float32') return { form, inputs: inputs.with(position, Float32Array.from(after)) };
  const data = makeData(type, size);
  for (let i = 0; i < size; i++) writeNumber(type, data, i, after[i]);
  return { form, inputs: inputs.with(position, data) };
}

function valuesOf({ form, inputs }: TestcaseData, position: number): ArrayLike<number> {
  const { type, size } = form.inputs[position];
  const data = inputs[position];
  if (data instanceof Float32Array) return data;
  return Float64Array.from({ length: size }, (_, i) => readNumber(type, data, i));
}
