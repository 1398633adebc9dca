import { estimateWork } from '../../../analysis/run-cost/estimate-run.ts';
import type { CampaignConfig } from '../../../config/schema.ts';
import { UserError } from '../../../core/errors.ts';
import { floorToPowerOfTwo } from '../../../core/floor-to-power-of-two.ts';
import { defaultBatch } from '../../../fuzzer/scheduling/task-sizes.ts';
import type { ModelInfo } from '../../../model/model.ts';
import type { ShapeSignature } from '../../../model/testcase-batch.ts';
import type { ObjectiveDescriptor } from '../../../workers/objective-descriptor.ts';
import type { Notices } from '../model-settings.ts';
import { singleRowShapes } from './single-row-shapes.ts';

/** Texts completed in one run: a run takes as many decoding steps as its longest answer. */
const TEXT_BATCH_SIZE = 64;

/** Most values of the largest tensor of a run, 128 MB of float32: an upscaler's are many times its input. */
const MAX_TENSOR_VALUES = 1 << 25;

/** Rows of a run where the sizes of what the model computes are not known: a loop over the rows' letters may hold much of each. */
const UNKNOWN_SIZES_BATCH_SIZE = 32;

/** Loops whose bodies are functions of a TensorFlow model, of which neither sizes nor costs are read. */
const OPAQUE_LOOPS: readonly string[] = ['While', 'StatelessWhile'];

/** What the batch size depends on beside the settings. */
export interface BatchSizeOptions {
  readonly model: Pick<ModelInfo, 'generation' | 'graph' | 'inputs'>;
  readonly objectives: readonly Pick<ObjectiveDescriptor, 'name' | 'timed'>[];
  /** The shapes of the seeds. */
  readonly shapes: readonly ShapeSignature[];
  /** Most rows that the model takes in one run. */
  readonly largestBatch: number;
}

/**
 * Resolves how many testcases one run of the model takes.
 *
 * @throws UserError on `--batch` beside an objective that times runs: those are of one testcase
 */
export function resolveBatchSize(
  { batch }: Pick<CampaignConfig, 'batch'>,
  { model, objectives, shapes, largestBatch }: BatchSizeOptions,
  notices: Notices,
): number {
  const timed = objectives.find((objective) => objective.timed === true);
  if (timed !== undefined) {
    if ((batch ?? 1) > 1)
      throw new UserError(`--batch: ${timed.name} times each testcase separately: remove --batch`);
    notices.info(`${timed.name}: each run has one testcase, and its findings may not be reproducible`);
    return 1;
  }
  return Math.min(batch ?? usualBatch(model, shapes), largestBatch);
}

function usualBatch(
  { generation, graph, inputs }: BatchSizeOptions['model'],
  shapes: readonly ShapeSignature[],
): number {
  if (generation !== undefined) return TEXT_BATCH_SIZE;
  const largest = shapes.map((shape) => estimateWork(graph, singleRowShapes(inputs, shape)).largestTensor);
  const isOpaque = graph.nodes.some(({ op }) => OPAQUE_LOOPS.includes(op));
  return Math.min(
    defaultBatch(Math.max(...shapes.map(valueCount))),
    Math.max(1, floorToPowerOfTwo(MAX_TENSOR_VALUES / Math.max(1, ...largest))),
    isOpaque ? UNKNOWN_SIZES_BATCH_SIZE : Number.POSITIVE_INFINITY,
  );
}

/** Values of one testcase. */
export function valueCount({ inputs }: ShapeSignature): number {
  return inputs.reduce((sum, { size }) => sum + size, 0);
}
