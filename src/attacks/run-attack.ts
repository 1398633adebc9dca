import { runInHalves } from '../evaluation/run-in-halves.ts';
import type { TestcaseData } from '../inputs/testcase.ts';
import type { BatchedModel, BatchResult } from '../model/batched-model.ts';
import { groupIntoBatches, packBatch } from '../model/testcase-batch.ts';
import {
  answerOf,
  areSharesIn,
  type ClassAnswer,
  type ConfidenceKind,
  NO_ANSWER,
} from '../objectives/class-answer.ts';
import { findScores } from '../objectives/confident-error.ts';
import { RowReader } from '../objectives/output-difference.ts';
import type { AttackContext, AttackedInput, AttackOracle, AttackOutcome } from './attack.ts';
import { makeAttack } from './registry.ts';

/** How the answers of a model are read. */
export interface AnswerRule {
  readonly confidence: ConfidenceKind;
  /** The tensor of logits; undefined for the class output, of whose shares the logarithms are compared. */
  readonly logits: string | undefined;
}

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
  return makeAttack(attack, context).run(inputs, new ModelOracle(model, rule, maxRows, onProgress));
}

class ModelOracle implements AttackOracle {
  readonly onShare: (share?: number) => void;
  readonly #model: BatchedModel;
  readonly #rule: AnswerRule;
  readonly #maxRows: number;
  readonly #watched: readonly string[];
  readonly #reader = new RowReader();

  constructor(model: BatchedModel, rule: AnswerRule, maxRows: number, onProgress: (share?: number) => void) {
    this.#model = model;
    this.#rule = rule;
    this.#maxRows = Math.min(maxRows, model.maxBatchSize);
    this.onShare = onProgress;
    const { logits } = rule;
    this.#watched = logits === undefined || model.model.outputs.includes(logits) ? [] : [logits];
  }

  async ask(candidates: readonly Pick<AttackedInput, 'data' | 'label'>[]): Promise<readonly ClassAnswer[]> {
    const answers: ClassAnswer[] = [];
    for (const group of groupIntoBatches(candidates, ({ data }) => data.form, this.#maxRows)) {
      const run = (from: number, to: number): Promise<BatchResult> =>
        this.#model.run(packBatch(group.slice(from, to).map(dataOf)), to - from, this.#watched);
      for await (const outcome of runInHalves(0, group.length, run)) {
        const { from, to } = outcome;
        if ('error' in outcome) answers.push(NO_ANSWER);
        else
          for (let row = from; row < to; row++)
            answers.push(this.#read(outcome.result, row - from, group[row].label));
        this.onShare();
      }
    }
    return answers;
  }

  #read(result: BatchResult, row: number, label: number): ClassAnswer {
    const { confidence, logits } = this.#rule;
    const scores = findScores(result, logits);
    if (scores === undefined) return NO_ANSWER;
    const values = this.#reader.read(scores, row);
    return answerOf(values, label, confidence, areSharesIn(values, logits !== undefined));
  }
}

function dataOf({ data }: { readonly data: TestcaseData }): TestcaseData {
  return data;
}
