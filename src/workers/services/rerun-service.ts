/** The process in which findings are run again, each in a fresh session of the model. */

import type { ExpectedViolation } from '../../evaluation/expected-violation.ts';
import { type RerunRequest, type RerunResult, rerunTestcase } from '../../evaluation/rerun-testcase.ts';
import { testVariants, type VariantBatch } from '../../evaluation/test-variants.ts';
import { variantMargins } from '../../evaluation/variant-margins.ts';
import { BatchedModel } from '../../model/batched-model.ts';
import type { Graph } from '../../model/graph/graph.ts';
import type { InputSpec, LoadOptions, Model } from '../../model/model.ts';
import type { Objective } from '../../objectives/objective.ts';
import { makeObjectives } from '../../objectives/registry.ts';
import { loadWithinLimits } from '../load-within-limits.ts';
import { heartbeat, serve } from '../rpc-server.ts';

/** What is run again, and how. Plain data. */
export interface RerunJob extends RerunRequest {
  readonly model: string;
  readonly loadOptions: LoadOptions;
  readonly objectives: readonly string[];
  readonly expectedViolation: ExpectedViolation;
  readonly runs: number;
}

/** Variants that are tried, and on what. Plain data. */
export interface VariantJob extends VariantBatch {
  readonly model: string;
  readonly loadOptions: LoadOptions;
  readonly objectives: readonly string[];
  readonly expectedViolation: ExpectedViolation;
}

/** What tells whether a model is still the one that was fuzzed. */
export interface ModelIdentity {
  readonly sha256: string;
  /** Of the second model of a pair. */
  readonly secondModelSha256: string | undefined;
  readonly inputs: readonly InputSpec[];
  readonly graph: Graph;
}

let openModel: Model | undefined;

/** What variants are tried by, once it was made for the model that is open. */
let preparedVariants:
  | { readonly specs: string; readonly rows: BatchedModel; readonly objectives: Objective[] }
  | undefined;

/** The model as it takes variants, and the objectives: made with the first ones of a session. */
async function prepareVariants({ objectives, batch, rows }: VariantJob) {
  if (openModel === undefined) throw new Error('no model is open');
  const specs = JSON.stringify(objectives);
  if (preparedVariants?.specs !== specs) {
    const model = new BatchedModel(openModel);
    // Whether it takes several a run; what fails now is judged when it runs.
    if (rows > 1) await model.probe({ ...batch, capacity: rows }, []).catch(() => undefined);
    preparedVariants = { specs, rows: model, objectives: await makeObjectives(objectives) };
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
    const { sha256, inputs, graph } = model;
    return { sha256, secondModelSha256: model.secondModel?.model.sha256, inputs, graph };
  },

  /** Opens a fresh session for the next trial: that takes longer than a run may. */
  async open({ model, loadOptions }: Pick<RerunJob, 'model' | 'loadOptions'>): Promise<void> {
    await openModel?.dispose();
    openModel = undefined;
    preparedVariants = undefined;
    openModel = await loadWithinLimits(model, loadOptions);
  },

  async reproduce(trial: RerunJob): Promise<RerunResult> {
    if (openModel === undefined) throw new Error('no model is open');
    const { objectives, expectedViolation, runs } = trial;
    return rerunTestcase(
      new BatchedModel(openModel),
      await makeObjectives(objectives),
      expectedViolation,
      trial,
      runs,
      heartbeat,
    );
  },

  /** Which variants break in the same way; in the session that is open, which takes one testcase a run where it must. */
  async testVariants(trial: VariantJob): Promise<boolean[]> {
    const { rows, objectives } = await prepareVariants(trial);
    return testVariants(rows, objectives, trial.expectedViolation, trial);
  },

  /** How far variants are from breaking in the same way, likewise. */
  async variantMargins(trial: VariantJob): Promise<Float64Array> {
    const { rows, objectives } = await prepareVariants(trial);
    return variantMargins(rows, objectives, trial.expectedViolation, trial);
  },
};

export type RerunApi = typeof methods;

serve(methods);
