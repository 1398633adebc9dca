import { UserError } from '../core/errors.ts';
import type { BatchedModel, BatchResult } from '../model/batched-model.ts';
import { packBatch, type TestcaseBatch } from '../model/testcase-batch.ts';
import { findClassOutput, logProbsOf } from '../objectives/misclassified.ts';
import {
  type JudgeOpinion,
  type JudgeVerdictName,
  judgedSignature,
  type Violation,
} from '../objectives/objective.ts';
import { argmax, RowReader } from '../objectives/output-difference.ts';

/** A classifier that judges, as the settings name it. */
export interface Judge {
  readonly name: string;
  readonly model: BatchedModel;
}

/** Asks independent classifiers which class an input shows. */
export class Judges {
  readonly #judges: readonly Judge[];
  readonly #sure: number;
  readonly #reader = new RowReader();

  /** @param sure softmax share of the seed's class from which on a judge is sure */
  constructor(judges: readonly Judge[], sure: number) {
    this.#judges = judges;
    this.#sure = sure;
  }

  /**
   * The opinions of all judges on testcases of one shape. A judge that fails on a testcase is not sure of it.
   *
   * @param labels class of each one's seed
   */
  async judge(
    testcases: readonly TestcaseBatch[],
    labels: readonly number[],
  ): Promise<readonly (readonly JudgeOpinion[])[]> {
    const opinions: JudgeOpinion[][] = testcases.map(() => []);
    for (const judge of this.#judges) {
      const limit = judge.model.maxBatchSize;
      for (let from = 0; from < testcases.length; from += limit) {
        const part = testcases.slice(from, from + limit);
        const found = await this.#ask(judge, part, labels.slice(from, from + limit));
        found.forEach((opinion, i) => {
          opinions[from + i].push(opinion);
        });
      }
    }
    return opinions;
  }

  /** Asks one judge in one run; where that fails, about each testcase alone. */
  async #ask(
    { name, model }: Judge,
    testcases: readonly TestcaseBatch[],
    labels: readonly number[],
  ): Promise<readonly JudgeOpinion[]> {
    try {
      const result = await model.run(packBatch(testcases), testcases.length, []);
      return testcases.map((_, row) => this.#opinionOf(name, result, row, labels[row]));
    } catch (error) {
      if (error instanceof UserError) throw error;
      if (testcases.length === 1) return [{ model: name, class: -1, share: 0, isSure: false }];
      const alone: JudgeOpinion[] = [];
      for (const [row, testcase] of testcases.entries())
        alone.push(...(await this.#ask({ name, model }, [testcase], [labels[row]])));
      return alone;
    }
  }

  #opinionOf(name: string, result: BatchResult, row: number, label: number): JudgeOpinion {
    const output = findClassOutput(result);
    const values = output && this.#reader.read(output, row);
    if (values === undefined || values.some(Number.isNaN))
      return { model: name, class: -1, share: 0, isSure: false };
    const best = argmax(values);
    const share = Math.exp(logProbsOf(values)(best));
    return {
      model: name,
      class: best,
      share: Number(share.toPrecision(6)),
      isSure: best === label && share >= this.#sure,
    };
  }
}

/** Which judges find the seed's class clear: undefined where all do. */
export function verdictOf(opinions: readonly JudgeOpinion[]): JudgeVerdictName | undefined {
  const sure = opinions.filter(({ isSure }) => isSure).length;
  if (sure === opinions.length) return undefined;
  return sure === 0 ? 'unclear' : 'disputed';
}

/** A wrong answer with what judges say of its input, under a signature of its own where not all find the seed's class clear. */
export function withOpinions(violation: Violation, judges: readonly JudgeOpinion[]): Violation {
  const verdict = verdictOf(judges);
  const signature =
    verdict === undefined
      ? violation.signature
      : judgedSignature(violation.objective, violation.signature, verdict);
  return { ...violation, signature, judges };
}
