import { errorMessage } from '../core/errors.ts';
import { runInHalves } from '../evaluation/run-in-halves.ts';
import type { TestcaseData } from '../inputs/testcase.ts';
import { type GradientBatch, inputGradients, padded } from '../model/batched-gradient.ts';
import type { BatchedModel, BatchResult, BatchTensor } from '../model/batched-model.ts';
import { NoGradientError } from '../model/gradients/gradient.ts';
import { groupIntoBatches, packBatch, type TestcaseBatch } from '../model/testcase-batch.ts';
import { areSharesIn, type ClassAnswer, NO_ANSWER } from '../objectives/class-answer.ts';
import { AnswerReader, type AnswerRule, findScores } from '../objectives/confident-error.ts';
import { RowReader } from '../objectives/output-difference.ts';
import { DTYPES, makeData, readNumber, writeNumber } from '../tensor/tensor.ts';
import type {
  AnswerSlope,
  AttackContext,
  AttackedInput,
  AttackOracle,
  AttackOutcome,
  Candidate,
  Draws,
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
  const oracle = new ModelOracle(model, { rule, context, maxRows }, onProgress);
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
  const oracle = new ModelOracle(model, { rule, context, maxRows: 1 }, () => {});
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
  /** The input that gradients are taken with respect to, and how often a random model is run. */
  readonly context: Pick<AttackContext, 'position' | 'draws'>;
  readonly maxRows: number;
}

/** Asks a model in this process. */
export class ModelOracle implements AttackOracle {
  readonly onShare: (share?: number) => void;
  readonly #model: BatchedModel;
  readonly #rule: AnswerRule;
  readonly #maxRows: number;
  readonly #position: number;
  readonly #draws: Draws;
  readonly #watched: readonly string[];
  readonly #answers: AnswerReader;
  readonly #reader = new RowReader();

  constructor(
    model: BatchedModel,
    { rule, context: { position, draws }, maxRows }: OracleOptions,
    onProgress: (share?: number) => void,
  ) {
    this.#model = model;
    this.#rule = rule;
    this.#answers = new AnswerReader(rule);
    this.#position = position;
    this.#draws = draws ?? { answer: 1, gradient: 1 };
    this.#maxRows = Math.min(maxRows, model.maxBatchSize);
    this.onShare = onProgress;
    const { logits } = rule;
    this.#watched = logits === undefined || model.model.outputs.includes(logits) ? [] : [logits];
  }

  async ask(candidates: readonly Candidate[]): Promise<readonly ClassAnswer[]> {
    const answers: ClassAnswer[] = [];
    for (const group of groupIntoBatches(candidates, ({ data }) => data.form, this.#maxRows)) {
      const run = (from: number, to: number): Promise<BatchResult> =>
        this.#meanOfRuns(packBatch(group.slice(from, to).map(dataOf)), to - from);
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
    const total = new Float32Array(points.rows * size);
    const runs: BatchResult[] = [];
    for (let draw = 0; draw < this.#draws.gradient; draw++) {
      const run = await this.#model.run(points.batch, points.rows, this.#watched).catch(() => undefined);
      if (run === undefined) {
        // One of them fails the run; the others have answers of their own.
        const answers = await this.ask(candidates);
        return answers.map((answer) => ({ answer, gradient: new Float32Array(size) }));
      }
      runs.push(run);
      const scores = findScores(run, this.#rule.logits);
      const gradients = scores && (await this.#gradientsOf(points, scores, candidates, request));
      for (let i = 0; i < total.length; i++) total[i] += (gradients?.[i] ?? 0) / this.#draws.gradient;
    }
    const mean = meanOf(runs);
    return candidates.map(({ label }, row) => ({
      answer: this.#answers.read(mean, row, label) ?? NO_ANSWER,
      gradient: total.slice(row * size, (row + 1) * size),
    }));
  }

  /** @throws Error where the runtime fails a run */
  async #meanOfRuns(batch: TestcaseBatch, rows: number): Promise<BatchResult> {
    const runs: BatchResult[] = [];
    for (let draw = 0; draw < this.#draws.answer; draw++)
      runs.push(await this.#model.run(batch, rows, this.#watched));
    return meanOf(runs);
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

/** The mean of tensors of floats over runs of one batch, at least one; the others as in the first. */
function meanOf(runs: readonly BatchResult[]): BatchResult {
  const [first] = runs;
  if (runs.length === 1) return first;
  const mean = (kind: 'outputs' | 'activations'): BatchTensor[] =>
    first[kind].map((tensor, n) => {
      if (DTYPES[tensor.type].kind !== 'float') return tensor;
      const data = makeData(tensor.type, tensor.data.length);
      for (let i = 0; i < data.length; i++) {
        const sum = runs.reduce((total, run) => total + readNumber(tensor.type, run[kind][n].data, i), 0);
        writeNumber(tensor.type, data, i, sum / runs.length);
      }
      return { ...tensor, data };
    });
  return { ...first, outputs: mean('outputs'), activations: mean('activations') };
}

function dataOf({ data }: { readonly data: TestcaseData }): TestcaseData {
  return data;
}
