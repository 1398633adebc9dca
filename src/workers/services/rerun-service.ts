/** The process in which findings are run again, each in a fresh session of the model. */

import {
  breaking,
  nearness,
  type Reproduction,
  type Retrial,
  reproduce,
  type Suspect,
  type Variants,
} from '../../evaluation/rerun.ts';
import { RowModel } from '../../model/batched-model.ts';
import type { Graph } from '../../model/graph/graph.ts';
import type { InputSpec, LoadOptions, Model } from '../../model/model.ts';
import type { Objective } from '../../objectives/objective.ts';
import { makeObjectives } from '../../objectives/registry.ts';
import { loadWithinLimits } from '../load-within-limits.ts';
import { beat, serve } from '../rpc-server.ts';

/** What is run again, and how. Plain data. */
export interface Trial extends Retrial {
  readonly model: string;
  readonly load: LoadOptions;
  readonly objectives: readonly string[];
  readonly suspect: Suspect;
  readonly runs: number;
}

/** Variants that are tried, and on what. Plain data. */
export interface VariantTrial extends Variants {
  readonly model: string;
  readonly load: LoadOptions;
  readonly objectives: readonly string[];
  readonly suspect: Suspect;
}

/** What tells whether a model is still the one that was fuzzed. */
export interface Identity {
  readonly sha256: string;
  /** Of the second model of a pair. */
  readonly copySha256: string | undefined;
  readonly inputs: readonly InputSpec[];
  readonly graph: Graph;
}

let opened: Model | undefined;

/** What variants are tried by, once it was made for the model that is open. */
let prepared:
  | { readonly specs: string; readonly rows: RowModel; readonly objectives: Objective[] }
  | undefined;

/** The model as it takes variants, and the objectives: made with the first ones of a session. */
async function preparedFor({ objectives, block, rows }: VariantTrial) {
  if (opened === undefined) throw new Error('no model is open');
  const specs = JSON.stringify(objectives);
  if (prepared?.specs !== specs) {
    const model = new RowModel(opened);
    // Whether it takes several a run; what fails now is judged when it runs.
    if (rows > 1) await model.probe({ ...block, capacity: rows }, []).catch(() => undefined);
    prepared = { specs, rows: model, objectives: await makeObjectives(objectives) };
  }
  return prepared;
}

const methods = {
  async identify({ model: path, load }: Pick<Trial, 'model' | 'load'>): Promise<Identity> {
    const model = await loadWithinLimits(path, load);
    await model.dispose();
    const { sha256, inputs, graph } = model;
    return { sha256, copySha256: model.copy?.model.sha256, inputs, graph };
  },

  /** Opens a fresh session for the next trial: that takes longer than a run may. */
  async open({ model, load }: Pick<Trial, 'model' | 'load'>): Promise<void> {
    await opened?.dispose();
    opened = undefined;
    prepared = undefined;
    opened = await loadWithinLimits(model, load);
  },

  async reproduce(trial: Trial): Promise<Reproduction> {
    if (opened === undefined) throw new Error('no model is open');
    const { objectives, suspect, runs } = trial;
    return reproduce(new RowModel(opened), await makeObjectives(objectives), suspect, trial, runs, beat);
  },

  /** Which variants break in the same way; in the session that is open, which takes one testcase a run where it must. */
  async breaking(trial: VariantTrial): Promise<boolean[]> {
    const { rows, objectives } = await preparedFor(trial);
    return breaking(rows, objectives, trial.suspect, trial);
  },

  /** How far variants are from breaking in the same way, likewise. */
  async nearness(trial: VariantTrial): Promise<Float64Array> {
    const { rows, objectives } = await preparedFor(trial);
    return nearness(rows, objectives, trial.suspect, trial);
  },
};

export type ReproduceApi = typeof methods;

serve(methods);
