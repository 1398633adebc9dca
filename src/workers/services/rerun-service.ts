/** The process of a `RerunClient`: runs findings again, each in a fresh session of the model. */

import type { ExpectedViolation } from '../../evaluation/expected-violation.ts';
import { judgeTestcase, type TestcaseVerdict } from '../../evaluation/judge-testcase.ts';
import { type RerunRequest, type RerunResult, rerunTestcase } from '../../evaluation/rerun-testcase.ts';
import { testVariants, type VariantBatch } from '../../evaluation/test-variants.ts';
import { variantMargins } from '../../evaluation/variant-margins.ts';
import { byteLengthOf } from '../../inputs/testcase.ts';
import { BatchedModel, type BatchTensor } from '../../model/batched-model.ts';
import type { Graph } from '../../model/graph/graph.ts';
import type { InputSpec, LoadOptions, Model, RuntimeKind } from '../../model/model.ts';
import type { PairNoise } from '../../model/pair-noise.ts';
import type { TestcaseBatch } from '../../model/testcase-batch.ts';
import type { Objective } from '../../objectives/objective.ts';
import { makeObjectives } from '../../objectives/registry.ts';
import { limitRuns, loadWithinLimits } from '../load-within-limits.ts';
import { heartbeat, serve } from '../rpc-server.ts';

/** A finding to run again, as plain data. */
export interface RerunJob extends RerunRequest {
  readonly model: string;
  readonly loadOptions: LoadOptions;
  readonly objectives: readonly string[];
  readonly expectedViolation: ExpectedViolation;
  /** Of a pair of models, how far gaps between classes move in each; absent where that was not measured. */
  readonly noise?: PairNoise | undefined;
  readonly runs: number;
}

/** Variants of a finding to test, as plain data. */
export interface VariantJob extends VariantBatch {
  readonly model: string;
  readonly loadOptions: LoadOptions;
  readonly objectives: readonly string[];
  readonly expectedViolation: ExpectedViolation;
  /** Of a pair of models, how far gaps between classes move in each; absent where that was not measured. */
  readonly noise?: PairNoise | undefined;
}

/** What a model gives for one testcase, as plain data. */
export interface ModelAnswer {
  /** Outputs without the batch dimension. */
  readonly outputs: readonly BatchTensor[];
  /** Outputs of the second model of a pair, under the reference's names. */
  readonly secondOutputs?: readonly BatchTensor[];
  /** Prompt and answer of a language model. */
  readonly text?: { readonly prompt: string; readonly answer: string };
}

/** A testcase to judge, as plain data. */
export interface JudgeJob extends Pick<RerunJob, 'model' | 'loadOptions' | 'objectives'> {
  readonly testcase: TestcaseBatch;
  /** Class of the testcase's seed. */
  readonly label?: number | undefined;
}

/** Properties that tell whether a model is still the one that was fuzzed. */
export interface ModelIdentity {
  readonly sha256: string;
  /** Of the second model of a pair. */
  readonly secondModelSha256: string | undefined;
  readonly inputs: readonly InputSpec[];
  readonly graph: Graph;
  readonly runtime: RuntimeKind;
}

let openModel: Model | undefined;

/** Model and objectives to test variants with; made for the open model with the first variants. */
let preparedVariants:
  | { readonly specs: string; readonly model: BatchedModel; readonly objectives: Objective[] }
  | undefined;

/** Model and objectives that judge single testcases; made for the open model with the first of them. */
let preparedJudge: typeof preparedVariants;

async function prepareJudge({ objectives }: Pick<JudgeJob, 'objectives'>) {
  if (openModel === undefined) throw new Error('no model is open');
  const specs = JSON.stringify(objectives);
  if (preparedJudge?.specs !== specs)
    preparedJudge = {
      specs,
      model: new BatchedModel(openModel),
      objectives: await makeObjectives(objectives),
    };
  return preparedJudge;
}

async function prepareVariants({ objectives, batch, rows, noise }: VariantJob) {
  if (openModel === undefined) throw new Error('no model is open');
  const specs = JSON.stringify(objectives);
  limitRuns(byteLengthOf(batch));
  if (preparedVariants?.specs !== specs) {
    const model = new BatchedModel(openModel, noise);
    // Finds out whether the model takes several in a run; a failure now is judged when the variants run.
    if (rows > 1) await model.probe({ ...batch, capacity: rows }, []).catch(() => undefined);
    preparedVariants = { specs, model, objectives: await makeObjectives(objectives) };
  }
  return preparedVariants;
}

const methods = {
  async identify({
    model: path,
    loadOptions,
  }: Pick<RerunJob, 'model' | 'loadOptions'>): Promise<ModelIdentity> {
    const model = await loadWithinLimits(path, loadOptions);
    await model.dispose();
    const { sha256, inputs, graph, runtime } = model;
    return {
      sha256,
      secondModelSha256: model.secondModel?.model.sha256,
      inputs,
      graph,
      runtime: runtime.kind,
    };
  },

  /** Opens a fresh session for the next job, in a call of its own: that takes longer than a run may. */
  async open({ model, loadOptions }: Pick<RerunJob, 'model' | 'loadOptions'>): Promise<void> {
    await openModel?.dispose();
    openModel = undefined;
    preparedVariants = undefined;
    preparedJudge = undefined;
    openModel = await loadWithinLimits(model, loadOptions);
  },

  /** Runs one testcase and judges nothing. */
  async answer(testcase: TestcaseBatch): Promise<ModelAnswer> {
    if (openModel === undefined) throw new Error('no model is open');
    limitRuns(byteLengthOf(testcase));
    const { outputs, secondOutputs, texts } = await new BatchedModel(openModel).run(testcase, 1, []);
    const [completion] = texts ?? [];
    return {
      outputs,
      ...(secondOutputs === undefined ? {} : { secondOutputs }),
      ...(completion === undefined ? {} : { text: { prompt: completion.prompt, answer: completion.answer } }),
    };
  },

  /** Runs one testcase once and judges it. */
  async judge({ objectives, testcase, label }: JudgeJob): Promise<TestcaseVerdict> {
    const judge = await prepareJudge({ objectives });
    limitRuns(byteLengthOf(testcase));
    return judgeTestcase(judge.model, judge.objectives, testcase, label);
  },

  /** The names of the objectives that specs make. */
  async objectiveNames(specs: readonly string[]): Promise<string[]> {
    return (await makeObjectives(specs)).map(({ name }) => name);
  },

  async reproduce(job: RerunJob): Promise<RerunResult> {
    if (openModel === undefined) throw new Error('no model is open');
    const { objectives, expectedViolation, runs, noise } = job;
    limitRuns(byteLengthOf(job.batch));
    return rerunTestcase(
      new BatchedModel(openModel, noise),
      await makeObjectives(objectives),
      expectedViolation,
      job,
      runs,
      heartbeat,
    );
  },

  /** Tests which variants violate the objective as the finding does, in the session that is open. */
  async testVariants(job: VariantJob): Promise<boolean[]> {
    const prepared = await prepareVariants(job);
    return testVariants(prepared.model, prepared.objectives, job.expectedViolation, job);
  },

  /** Margins of variants to the finding's violation, in the session that is open. */
  async variantMargins(job: VariantJob): Promise<Float64Array> {
    const prepared = await prepareVariants(job);
    return variantMargins(prepared.model, prepared.objectives, job.expectedViolation, job);
  },
};

export type RerunApi = typeof methods;

serve(methods);
