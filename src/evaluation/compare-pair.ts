import { type LayerDivergences, measureLayerDivergences } from '../analysis/layer-divergence.ts';
import { UserError } from '../core/errors.ts';
import type { BatchedModel } from '../model/batched-model.ts';
import { groupIntoBatches, packBatch, type TestcaseBatch } from '../model/testcase-batch.ts';
import { isTie, type Objective } from '../objectives/objective.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { type OutputComparison, OutputTally } from './output-tally.ts';

/** A testcase on which two models differ strongly. */
export interface WorstSeed {
  /** Index among the seeds, from 0. */
  readonly seed: number;
  /** Largest absolute difference in any output. */
  readonly difference: number;
  /** Summary of its violation; null if there is none. */
  readonly violation: string | null;
}

/** How two models compare on a set of testcases. */
export interface ModelComparison {
  readonly testcases: number;
  /** Testcases that violate the objective, ties left out. */
  readonly violations: number;
  /** Testcases on which the models' classes differ by their noise alone. */
  readonly ties: number;
  readonly outputs: readonly OutputComparison[];
  /** Violating testcases first, then by difference, largest first. */
  readonly worst: readonly WorstSeed[];
  readonly departures: LayerDivergences;
}

/** Share of the work of a comparison that its outputs take; the rest is for layers. */
export const OUTPUTS_SHARE = 0.5;

/** Testcases per run. */
const BATCH_ROWS = 64;

/**
 * Runs a model and its second model on testcases and measures how far their outputs and layers differ.
 *
 * @param objective decides which differences are violations
 * @param most length of the list of worst testcases
 * @param bound signal-to-noise ratio in dB below which a layer counts as diverged
 * @param heartbeat called between runs, with the share of the work that is done: up to a half for the outputs, the rest for layers
 * @throws UserError if the objective can't judge the model's outputs
 */
export async function comparePair(
  model: BatchedModel,
  testcases: readonly TestcaseBatch[],
  objective: Objective,
  { most, bound }: { readonly most: number; readonly bound: number },
  heartbeat: (share: number) => void,
): Promise<ModelComparison> {
  const { secondModel } = model.model;
  if (secondModel === undefined) throw new Error('there is no second model');
  const tally = new OutputTally();
  const worst: WorstSeed[] = [];
  const feeds: [Tensor[], Tensor[]][] = [];
  let violations = 0;
  let ties = 0;
  let first = 0;
  for (const group of groupIntoBatches(
    testcases,
    ({ form }) => form,
    Math.min(BATCH_ROWS, model.maxBatchSize),
  )) {
    const batch = packBatch(group);
    const result = await model.run(batch, group.length, []);
    heartbeat((OUTPUTS_SHARE * (first + group.length)) / testcases.length);
    const refusal = objective.refuses?.(result);
    if (refusal !== undefined) throw new UserError(`--objective: ${objective.name} ${refusal}`);
    const referenceFeeds = model.feeds(batch, group.length);
    feeds.push([referenceFeeds, secondModel.feeds(referenceFeeds)]);
    const summaries = new Map<number, string>();
    objective.judge(result, (row, { summary, signature }) => {
      if (isTie(signature)) ties++;
      else violations++;
      summaries.set(row, summary);
    });
    tally.add(result).forEach((difference, row) => {
      worst.push({ seed: first + row, difference, violation: summaries.get(row) ?? null });
    });
    first += group.length;
  }
  worst.sort((a, b) => severity(b) - severity(a) || a.seed - b.seed);
  return {
    testcases: testcases.length,
    violations,
    ties,
    outputs: tally.comparisons(testcases.length),
    worst: worst.slice(0, most),
    departures: await measureLayerDivergences(model.model, secondModel, feeds, bound, (share) =>
      heartbeat(OUTPUTS_SHARE + (1 - OUTPUTS_SHARE) * share),
    ),
  };
}

/** Sort key: violations before all others, NaN before any number. */
function severity({ violation, difference }: WorstSeed): number {
  const rank = Number.isNaN(difference) ? 1e300 : Math.min(difference, 1e299);
  return (violation === null ? 0 : 1e300) + rank;
}
