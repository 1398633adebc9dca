import { errorMessage } from '../core/errors.ts';
import { runInHalves } from '../evaluation/run-in-halves.ts';
import type { TestcaseData } from '../inputs/testcase.ts';
import { type GradientBatch, inputGradients, padded } from '../model/batched-gradient.ts';
import type { BatchedModel, BatchResult, BatchTensor } from '../model/batched-model.ts';
import { NoGradientError } from '../model/gradients/gradient.ts';
import { groupIntoBatches, packBatch } from '../model/testcase-batch.ts';
import { areSharesIn, type ClassAnswer, NO_ANSWER } from '../objectives/class-answer.ts';
import { AnswerReader, type AnswerRule, findScores } from '../objectives/confident-error.ts';
import { RowReader } from '../objectives/output-difference.ts';
import type {
  AnswerSlope,
  AttackContext,
  AttackedInput,
  AttackOracle,
  AttackOutcome,
  Candidate,
  SlopeRequest,
} from './attack.ts';
import { lossGradient } from './losses.ts';
import { makeAttack } from './registry.ts';

/** Attacks on some inputs. Plain data, sent between processes. */
export interface AttackRequest {
  /** Spec of the attack. */
  readonly attack: string;
  readonly inputs: readonly AttackedInput[];
  readonly context: AttackContext;
  readonly rule: AnswerRule;
}

/**
 * Runs an attack.
 *
 * @param maxRows candidates in one run of the model
 * @param onProgress called with the share of the attack that is done, and after runs of the model without one
 */
export function runAttack(
  model: BatchedModel,
  { attack, inputs, context, rule }: AttackRequest,
  maxRows: number,
  onProgress: (share?: number) => void,
): Promise<readonly AttackOutcome[]> {
  const oracle = new ModelOracle(model, { rule, position: context.position, maxRows }, onProgress);
  return makeAttack(attack, context).run(inputs, oracle);
}

/**
 * Tries whether gradients lead from the scores to the attacked input, rounding counted as the identity.
 *
 * @param inputs the first is tried
 * @returns why none does; undefined where one does
 */
export async function findGradientRefusal(
  model: BatchedModel,
  { inputs: [input], context, rule }: Omit<AttackRequest, 'attack'>,
): Promise<string | undefined> {
  const oracle = new ModelOracle(model, { rule, position: context.position, maxRows: 1 }, () => {});
  try {
    await oracle.differentiate([input], { loss: 'margin', isStraightThrough: true });
    return undefined;
  } catch (error) {
    return errorMessage(error);
  }
}

/** Most testcases whose gradients are computed in one run. */
const GRADIENT_ROWS = 16;

export interface OracleOptions {
  readonly rule: AnswerRule;
  /** Index of the input that gradients are taken with respect to. */
  readonly position: number;
  readonly maxRows: number;
}

/** Asks a model in this process. */
export class ModelOracle implements AttackOracle {
  readonly onShare: (share?: number) => void;
  readonly #model: BatchedModel;
  readonly #rule: AnswerRule;
  readonly #maxRows: number;
  readonly #position: number;
  readonly #watched: readonly string[];
  readonly #answers: AnswerReader;
  readonly #reader = new RowReader();

  constructor(
    model: BatchedModel,
    { rule, position, maxRows }: OracleOptions,
    onProgress: (share?: number) => void,
  ) {
    this.#model = model;
    this.#rule = rule;
    this.#answers = new AnswerReader(rule);
    this.#position = position;
    this.#maxRows = Math.min(maxRows, model.maxBatchSize);
    this.onShare = onProgress;
    const { logits } = rule;
    this.#watched = logits === undefined || model.model.outputs.includes(logits) ? [] : [logits];
  }

  async ask(candidates: readonly Candidate[]): Promise<readonly ClassAnswer[]> {
    const answers: ClassAnswer[] = [];
    for (const group of groupIntoBatches(candidates, ({ data }) => data.form, this.#maxRows)) {
      const run = (from: number, to: number): Promise<BatchResult> =>
        this.#model.run(packBatch(group.slice(from, to).map(dataOf)), to - from, this.#watched);
      for await (const outcome of runInHalves(0, group.length, run)) {
        const { from, to } = outcome;
        if ('error' in outcome) answers.push(NO_ANSWER);
        else
          for (let row = from; row < to; row++)
            answers.push(this.#answers.read(outcome.result, row - from, group[row].label) ?? NO_ANSWER);
        this.onShare();
      }
    }
    return answers;
  }

  async differentiate(
    candidates: readonly Candidate[],
    request: SlopeRequest,
  ): Promise<readonly AnswerSlope[]> {
    const slopes: AnswerSlope[] = [];
    for (const group of groupIntoBatches(
      candidates,
      ({ data }) => data.form,
      Math.min(this.#maxRows, GRADIENT_ROWS),
    )) {
      slopes.push(...(await this.#differentiateTogether(group, request)));
      this.onShare();
    }
    return slopes;
  }

  /** @param candidates of one shape */
  async #differentiateTogether(
    candidates: readonly Candidate[],
    request: SlopeRequest,
  ): Promise<readonly AnswerSlope[]> {
    const points = padded(candidates.map(dataOf));
    const size = candidates[0].data.form.inputs[this.#position].size;
    const flat = (answer: ClassAnswer): AnswerSlope => ({ answer, gradient: new Float32Array(size) });
    let result: BatchResult;
    try {
      result = await this.#model.run(points.batch, points.rows, this.#watched);
    } catch {
      // One of them fails; the others have answers of their own.
      return (await this.ask(candidates)).map(flat);
    }
    const answers = candidates.map(({ label }, row) => this.#answers.read(result, row, label) ?? NO_ANSWER);
    const scores = findScores(result, this.#rule.logits);
    const gradients = scores && (await this.#gradientsOf(points, scores, candidates, request));
    if (gradients === undefined) return answers.map(flat);
    return answers.map((answer, row) => ({
      answer,
      gradient: gradients.slice(row * size, (row + 1) * size),
    }));
  }

  /** `[rows, size]`; undefined where it is 0 by definition. */
  async #gradientsOf(
    points: GradientBatch,
    scores: BatchTensor,
    candidates: readonly Candidate[],
    { loss, isStraightThrough }: SlopeRequest,
  ): Promise<Float32Array | undefined> {
    const upstream = new Float32Array(points.rows * scores.size);
    candidates.forEach(({ label }, row) => {
      const values = this.#reader.read(scores, row);
      const areShares = areSharesIn(values, this.#rule.logits !== undefined);
      upstream.set(lossGradient(loss, values, label, areShares), row * scores.size);
    });
    try {
      const { values } = await inputGradients(
        this.#model,
        points,
        scores.name,
        upstream,
        [],
        isStraightThrough,
      );
      return values[this.#position];
    } catch (error) {
      if (isStraightThrough || !(error instanceof NoGradientError)) throw error;
      return undefined;
    }
  }
}

function dataOf({ data }: { readonly data: TestcaseData }): TestcaseData {
  return data;
}
