import { UserError } from '../core/errors.ts';
import { runInHalves } from '../evaluation/run-in-halves.ts';
import { NO_CLASS } from '../inputs/class-label.ts';
import type { TestcaseData } from '../inputs/testcase.ts';
import type { BatchedModel, BatchResult } from '../model/batched-model.ts';
import { groupIntoBatches, packBatch, shapeSignatureOf } from '../model/testcase-batch.ts';
import { findClassOutput } from '../objectives/misclassified.ts';
import type { Objective } from '../objectives/objective.ts';
import { argmax, isDistribution, RowReader } from '../objectives/output-difference.ts';
import { makeObjective } from '../objectives/registry.ts';

/** Testcases that a model plays on. Plain data, sent between processes. */
export interface AnswerRequest {
  readonly testcases: readonly TestcaseData[];
  /** Spec of an objective that decides whether the model holds: `assert:…`; undefined where its class decides. */
  readonly objective: string | undefined;
}

/** What a model answers, by testcase. */
export interface Answers {
  /** The class of the greatest score; below 0 where a score is NaN or the runtime failed. */
  readonly classes: Int32Array;
  /** Softmax share of that class. */
  readonly shares: Float64Array;
  /** 1 where the run meets the objective; 0 otherwise, and where the runtime failed. Empty without one. */
  readonly holds: Uint8Array;
  /** Number of classes; 0 with an objective. */
  readonly classCount: number;
}

/**
 * Asks a model.
 *
 * @param maxRows testcases of one run
 * @param onRun called after each run
 * @throws UserError where the model has no scores of classes, or the objective does not suit it
 */
export async function answerGames(
  model: BatchedModel,
  { testcases, objective }: AnswerRequest,
  maxRows: number,
  onRun: () => void,
): Promise<Answers> {
  const reader = objective === undefined ? new ClassReader(testcases.length) : undefined;
  const judge = objective === undefined ? undefined : await makeJudge(model, objective, testcases.length);
  const watched = judge?.watched ?? [];
  const rename = renaming(model);
  let at = 0;
  for (const group of groupIntoBatches(
    testcases,
    ({ form }) => form,
    Math.min(maxRows, model.maxBatchSize),
  )) {
    const run = (from: number, to: number): Promise<BatchResult> =>
      model.run(packBatch(group.slice(from, to).map(rename)), to - from, watched);
    for await (const outcome of runInHalves(0, group.length, run)) {
      if ('result' in outcome) {
        reader?.read(outcome.result, at + outcome.from);
        judge?.read(outcome.result, at + outcome.from);
      }
      onRun();
    }
    at += group.length;
  }
  return {
    classes: reader?.classes ?? new Int32Array(0),
    shares: reader?.shares ?? new Float64Array(0),
    holds: judge?.holds ?? new Uint8Array(0),
    classCount: reader?.classCount ?? 0,
  };
}

/** Gives testcases the names that the model's inputs have: files of one network may name them otherwise. */
function renaming({ model: { inputs } }: BatchedModel): (testcase: TestcaseData) => TestcaseData {
  const forms = new Map<string, TestcaseData['form']>();
  return ({ form, inputs: data }) => {
    const known =
      forms.get(form.key) ??
      shapeSignatureOf(form.inputs.map((input, i) => ({ ...input, name: inputs[i]?.name ?? input.name })));
    forms.set(form.key, known);
    return { form: known, inputs: data };
  };
}

class ClassReader {
  readonly classes: Int32Array;
  readonly shares: Float64Array;
  classCount = 0;
  readonly #reader = new RowReader();

  constructor(count: number) {
    this.classes = new Int32Array(count).fill(NO_CLASS);
    this.shares = new Float64Array(count);
  }

  read(result: BatchResult, at: number): void {
    const output = findClassOutput(result);
    if (output === undefined)
      throw new UserError(
        'a model without an output with a value for each class can play by an assertion alone: set --win "assert:…"',
      );
    this.classCount = output.size;
    for (let row = 0; row < result.rows; row++) {
      const values = this.#reader.read(output, row);
      if (values.some(Number.isNaN)) continue;
      const best = argmax(values);
      this.classes[at + row] = best;
      this.shares[at + row] = softmaxShare(values, best);
    }
  }
}

function softmaxShare(values: Float64Array, index: number): number {
  if (isDistribution(values)) return values[index];
  const most = values.reduce((greatest, value) => Math.max(greatest, value), Number.NEGATIVE_INFINITY);
  // Of several infinite scores, each has an equal share.
  const sum = values.reduce((total, value) => total + (value === most ? 1 : Math.exp(value - most)), 0);
  return (values[index] === most ? 1 : Math.exp(values[index] - most)) / sum;
}

interface Judge {
  readonly watched: readonly string[];
  readonly holds: Uint8Array;
  read(result: BatchResult, at: number): void;
}

async function makeJudge({ model }: BatchedModel, spec: string, count: number): Promise<Judge> {
  const objective: Objective = await makeObjective(spec);
  const known = [...model.inputs.map(({ name }) => name), ...model.outputs];
  const holds = new Uint8Array(count);
  return {
    watched: (objective.tensors ?? []).filter((name) => !known.includes(name)),
    holds,
    read(result, at) {
      const refusal = objective.refuses?.(result);
      if (refusal !== undefined) throw new UserError(`--win: ${spec} ${refusal}`);
      holds.fill(1, at, at + result.rows);
      objective.judge(result, (row) => {
        holds[at + row] = 0;
      });
    },
  };
}
