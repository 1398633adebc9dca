import { lookRows, MAX_COMPARED_ROWS } from '../../../analysis/batch-dependence/batch-dependence.ts';
import {
  type BatchDependence,
  dependenceText,
} from '../../../analysis/batch-dependence/describe-dependence.ts';
import type { Seeds } from '../../../inputs/seeds.ts';
import { type TestcaseData, testcaseId } from '../../../inputs/testcase.ts';
import { canExposeTensors } from '../../../model/can-expose-tensors.ts';
import type { ModelInfo } from '../../../model/model.ts';
import { cloneData, type TensorData } from '../../../tensor/tensor.ts';
import type { ProbeWorker } from '../../../workers/probe-worker.ts';
import type { Notices } from '../model-settings.ts';
import type { FixedBatch } from './open-batch.ts';
import { estimateSeconds } from './workload.ts';

/** Longest estimated seconds of the look, unless the seeds take longer. */
const LOOK_SECONDS = 0.5;

/** Share of the seeds' runs that the look may cost where it takes longer than that. */
const LOOK_SHARE = 0.25;

export interface BatchDependenceOptions {
  readonly model: ModelInfo;
  readonly seeds: Seeds;
  /** Rows of a run, if answers do not depend on the rest of the batch. */
  readonly batch: number;
  /** The batch that was asked for. */
  readonly requestedBatch: number | undefined;
  /** Whether an objective compares the answers of one testcase in several batches. */
  readonly comparesBatches?: boolean;
  /** How rows run where the model's batch is fixed to 1. */
  readonly fixedBatch: FixedBatch | undefined;
  /** As a campaign that is resumed records it; undefined for a new one. */
  readonly recorded: { readonly batchDependence?: BatchDependence } | undefined;
}

/** The rows of a run, and how answers depend on its other rows; undefined where they do not, or where that is not looked at. */
export interface ResolvedBatch {
  readonly batch: number;
  readonly batchDependence: BatchDependence | undefined;
}

/**
 * Looks once whether answers depend on the rest of the batch: seeds with other neighbours, alone, and in another order. Where they
 * do, each run has one testcase unless a batch was asked for. A campaign that is resumed keeps what it recorded.
 */
export async function resolveBatchDependence(
  options: BatchDependenceOptions,
  probeWorker: Pick<ProbeWorker, 'lookAtBatches'>,
  notices: Notices,
): Promise<ResolvedBatch> {
  const { batch, requestedBatch, comparesBatches = false, recorded } = options;
  const batchDependence =
    recorded === undefined ? await look(options, probeWorker) : recorded.batchDependence;
  if (batchDependence === undefined) return { batch, batchDependence };
  const isKept = (requestedBatch !== undefined || comparesBatches) && batch > 1;
  const reason = requestedBatch === undefined ? 'since an objective compares batches' : 'as --batch asks';
  const consequence = isKept
    ? `each run has ${batch} testcases anyway, ${reason}; findings that need their batch are marked batch-dependent`
    : 'each run has one testcase; --batch sets more';
  notices.warn(`${dependenceText(batchDependence)}: ${consequence}`);
  return { batch: isKept ? batch : 1, batchDependence };
}

async function look(
  { model, seeds, batch, fixedBatch }: BatchDependenceOptions,
  probeWorker: Pick<ProbeWorker, 'lookAtBatches'>,
): Promise<BatchDependence | undefined> {
  // Texts are decoded row by row, and a batch that was fixed is opened only where operations keep rows apart.
  if (batch === 1 || fixedBatch !== undefined || model.generation !== undefined) return undefined;
  const [{ form }] = seeds;
  const seconds = estimateSeconds(model, form, MAX_COMPARED_ROWS);
  const affordable = Math.max(LOOK_SECONDS / seconds, LOOK_SHARE * seeds.length);
  let rows = Math.min(MAX_COMPARED_ROWS, batch);
  while (rows >= 2 && lookRows(rows) > affordable) rows--;
  if (rows < 2) return undefined;
  const testcases = testcasesToCompare(seeds, rows);
  if (testcases.length < 2) return undefined;
  return probeWorker.lookAtBatches({ testcases, canTrace: canExposeTensors(model) });
}

/** Different seeds of one shape, that which most of them have; where all differ in shape, the first and its values in reverse. */
export function testcasesToCompare(seeds: Seeds, most: number): readonly TestcaseData[] {
  const byShape = new Map<string, Map<string, TestcaseData>>();
  for (const seed of seeds) {
    const different = byShape.get(seed.form.key) ?? new Map<string, TestcaseData>();
    byShape.set(seed.form.key, different);
    if (different.size < most) different.set(testcaseId(seed), seed);
  }
  const [first] = seeds;
  const largest = [...byShape.values()].reduce((a, b) => (b.size > a.size ? b : a));
  if (largest.size > 1) return [...largest.values()];
  const reversed = { ...first, inputs: first.inputs.map((values, i) => reversedValues(first, values, i)) };
  return testcaseId(reversed) === testcaseId(first) ? [first] : [first, reversed];
}

/** Values of an input in reverse order; strings, which zeros fill up at the end, as they are. */
function reversedValues({ form }: TestcaseData, values: TensorData, input: number): TensorData {
  return form.inputs[input].isString === true ? values : cloneData(values).reverse();
}
