import { type LayerDivergences, measureLayerDivergences } from '../analysis/layer-divergence.ts';
import { UserError } from '../core/errors.ts';
import type { BatchedModel, BatchResult } from '../model/batched-model.ts';
import { groupIntoBatches, packBatch, type TestcaseBatch } from '../model/testcase-batch.ts';
import type { Objective } from '../objectives/objective.ts';
import { argmax, cosineSimilarity, klDivergence, RowReader } from '../objectives/output-difference.ts';
import { DTYPES, type Tensor } from '../tensor/tensor.ts';

/** How two models' outputs of one name differ over all testcases. */
export interface OutputComparison {
  readonly output: string;
  /** Share of the testcases that both put into one class; null where the output tells none. */
  readonly agreement: number | null;
  /** The greatest absolute difference of each testcase: quantiles. */
  readonly difference: Quantiles;
  /** The cosine of the angle between both: the least, and the mean. */
  readonly cosine: { readonly least: number; readonly mean: number };
  /** Divergence of the softmaxes, in nats: the greatest, and the mean; null where the output is of single numbers. */
  readonly kl: { readonly most: number; readonly mean: number } | null;
}

export interface Quantiles {
  readonly median: number;
  readonly p90: number;
  readonly p99: number;
  readonly most: number;
}

/** A testcase on which two models differ much. */
export interface WorstSeed {
  /** Its place among the seeds, from 0. */
  readonly seed: number;
  /** The greatest absolute difference of any output. */
  readonly difference: number;
  /** How it breaks the objective; null where it does not. */
  readonly violation: string | null;
}

/** How a pair does on testcases. */
export interface ModelComparison {
  readonly testcases: number;
  /** Testcases that break the objective. */
  readonly violations: number;
  readonly outputs: readonly OutputComparison[];
  /** Those that differ most, the worst first; violations before all others. */
  readonly worst: readonly WorstSeed[];
  readonly departures: LayerDivergences;
}

/** Testcases of a run. */
const BATCH_ROWS = 64;

/** What is gathered of one output. */
interface OutputTally {
  agreements: number;
  hasClasses: boolean;
  readonly differences: number[];
  readonly cosines: number[];
  readonly divergences: number[];
}

/**
 * Runs a pair on testcases and says how far the two lie apart.
 *
 * @param objective what counts as a violation
 * @param most worst ones that are told
 * @param bound decibels below which a layer counts as departed
 * @param beat called between runs
 */
export async function comparePair(
  model: BatchedModel,
  testcases: readonly TestcaseBatch[],
  objective: Objective,
  { most, bound }: { readonly most: number; readonly bound: number },
  beat: () => void,
): Promise<ModelComparison> {
  const { secondModel } = model.model;
  if (secondModel === undefined) throw new Error('there is no second model');
  const gathered = new Map<string, OutputTally>();
  const worst: WorstSeed[] = [];
  const feeds: [Tensor[], Tensor[]][] = [];
  let violations = 0;
  let first = 0;
  for (const some of groupIntoBatches(
    testcases,
    ({ form }) => form,
    Math.min(BATCH_ROWS, model.maxBatchSize),
  )) {
    const block = packBatch(some);
    const result = await model.run(block, some.length, []);
    beat();
    const refused = objective.refuses?.(result);
    if (refused !== undefined) throw new UserError(`--objective: ${objective.name} ${refused}`);
    const taken = model.feeds(block, some.length);
    feeds.push([taken, secondModel.feeds(taken)]);
    const broken = new Map<number, string>();
    objective.judge(result, (row, { summary }) => void broken.set(row, summary));
    violations += broken.size;
    const differences = tallyOutputs(result, gathered);
    differences.forEach((difference, row) => {
      worst.push({ seed: first + row, difference, violation: broken.get(row) ?? null });
    });
    first += some.length;
  }
  const rank = ({ violation, difference }: WorstSeed): number =>
    (violation === null ? 0 : 1e300) + (Number.isNaN(difference) ? 1e300 : Math.min(difference, 1e299));
  worst.sort((a, b) => rank(b) - rank(a) || a.seed - b.seed);
  return {
    testcases: testcases.length,
    violations,
    outputs: [...gathered].map(([output, one]) => toOutputComparison(output, one, testcases.length)),
    worst: worst.slice(0, most),
    departures: await measureLayerDivergences(model.model, secondModel, feeds, bound, beat),
  };
}

const referenceReader = new RowReader();
const secondReader = new RowReader();

/** Adds a run to what is gathered; returns the greatest difference of each row. */
function tallyOutputs(result: BatchResult, gathered: Map<string, OutputTally>): number[] {
  const worst = new Array<number>(result.rows).fill(0);
  for (const theirs of result.secondOutputs ?? []) {
    const tensor = result.outputs.find(({ name }) => name === theirs.name);
    if (tensor === undefined) continue;
    const isFloat = DTYPES[tensor.type].kind === 'float';
    const count = Math.max(1, tensor.shape.at(-1) ?? tensor.size);
    const one = gathered.get(tensor.name) ?? {
      agreements: 0,
      hasClasses: !isFloat || count > 1,
      differences: [],
      cosines: [],
      divergences: [],
    };
    gathered.set(tensor.name, one);
    for (let row = 0; row < result.rows; row++) {
      const a = referenceReader.read(tensor, row);
      const b = secondReader.read(theirs, row);
      let difference = 0;
      for (let i = 0; i < a.length; i++) {
        const off = Object.is(a[i], b[i]) ? 0 : Math.abs(a[i] - b[i]);
        if (off > difference || Number.isNaN(off))
          difference = Number.isNaN(off) ? Number.POSITIVE_INFINITY : off;
      }
      one.differences.push(difference);
      worst[row] = Math.max(worst[row], difference);
      if (isFloat) one.cosines.push(cosineSimilarity(a, b));
      if (isFloat && count > 1) one.divergences.push(klDivergence(a, b, count));
      let isAlike = true;
      for (let from = 0; from < a.length && isAlike; from += count)
        isAlike = isFloat ? argmax(a, from, count) === argmax(b, from, count) : difference === 0;
      if (isAlike) one.agreements++;
    }
  }
  return worst;
}

function toOutputComparison(output: string, one: OutputTally, testcases: number): OutputComparison {
  const sorted = [...one.differences].sort((a, b) => a - b);
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
  const mean = (values: readonly number[]): number =>
    values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
  return {
    output,
    agreement: one.hasClasses ? one.agreements / testcases : null,
    difference: { median: at(0.5), p90: at(0.9), p99: at(0.99), most: sorted[sorted.length - 1] },
    cosine: { least: Math.min(1, ...one.cosines), mean: one.cosines.length === 0 ? 1 : mean(one.cosines) },
    kl:
      one.divergences.length === 0
        ? null
        : { most: Math.max(...one.divergences), mean: mean(one.divergences) },
  };
}
