import { estimateRunSeconds, estimateTokenSeconds } from '../../../analysis/run-cost/estimate-run.ts';
import type { CampaignConfig } from '../../../config/schema.ts';
import { parseDuration } from '../../../config/values.ts';
import { floorToPowerOfTwo } from '../../../core/floor-to-power-of-two.ts';
import { CALIBRATION_MUTANTS } from '../../../fuzzer/calibration.ts';
import { RUN_COST } from '../../../fuzzer/scheduling/bandit.ts';
import { LARGE_ROW_VALUES, MUTANTS_PER_PICK } from '../../../fuzzer/scheduling/task-sizes.ts';
import type { InputSpec, ModelInfo } from '../../../model/model.ts';
import type { ShapeSignature } from '../../../model/testcase-batch.ts';
import { DTYPES } from '../../../tensor/tensor.ts';
import { singleRowShapes } from './single-row-shapes.ts';

/** Sizes of a campaign that follow from its model and settings, never from the clock: a resumed campaign keeps them. */
export interface Workload {
  /** Seeds that were drawn; absent where they are given. */
  readonly drawnSeeds?: number;
  /** Estimated microseconds of running one testcase. */
  readonly runMicroseconds: number;
  /** Mutants that the threshold is calibrated on. */
  readonly calibrationMutants: number;
  /** Mutants that the sizes of tasks are derived from. */
  readonly taskMutants: number;
  /** Tasks that may be in flight from the first ones on; absent where it is 1. */
  readonly minFeedbackDelay?: number;
  /** Cost of running a mutant, in copies of its values: mutators that cost more are chosen less. */
  readonly runCost: number;
  /** Whether mutants are edited in a row that holds their parent, instead of being copied: mutators of a part cost less. */
  readonly editsRows: boolean;
}

/** Bytes of testcases that drawing and calibrating may hold at once. */
export const FIRST_LOOK_BYTES = 64 << 20;

/** Longest estimated seconds of a first look: of drawn seeds, or of calibrating. */
const FIRST_LOOK_SECONDS = 5;

/** Share of `--time` that a first look may take. */
const FIRST_LOOK_SHARE = 0.1;

/** Least mutants of a calibration: a median of fewer steps says nothing. */
const MIN_CALIBRATION_MUTANTS = 4;

/** Seconds that copying one value takes where rows do not fit into a cache. */
export const COPY_SECONDS = 3.5e-10;

/** Copies of a row that making a mutant of a calibration and keeping one in four of them costs beside the run. */
const MUTANT_COPIES = 12;

/** Longest estimated seconds of the smallest task. */
const MIN_TASK_SECONDS = 0.1;

/** Estimated seconds of a pick's mutants from which on several tasks are in flight from the first ones on, and how many. */
const SLOW_PICK_SECONDS = 0.01;
const SLOW_FEEDBACK_DELAY = 4;

/** Estimated seconds that first looks may take. */
export function firstLookSeconds({ time }: Pick<Partial<CampaignConfig>, 'time'>): number {
  const limit = time === undefined ? Number.POSITIVE_INFINITY : parseDuration(time) / 1000;
  return Math.min(FIRST_LOOK_SECONDS, FIRST_LOOK_SHARE * limit);
}

/** The workload of a campaign that was begun by a version without one. */
export function usualWorkload(batch: number): Workload {
  return {
    runMicroseconds: 0,
    calibrationMutants: CALIBRATION_MUTANTS,
    taskMutants: batch,
    runCost: RUN_COST,
    editsRows: false,
  };
}

type CostModel = Pick<ModelInfo, 'graph' | 'inputs' | 'runtime' | 'secondModel' | 'generation'>;

/** Estimated seconds that one testcase of a shape takes in a run of `rows`. */
export function estimateSeconds(
  { graph, inputs, runtime, secondModel, generation }: CostModel,
  shape: Pick<ShapeSignature, 'inputs'>,
  rows: number,
): number {
  const models = secondModel === undefined ? 1 : 2;
  if (generation !== undefined)
    return models * generation.maxTokens * estimateTokenSeconds(generation.weightsPerToken, runtime.kind);
  const shapes = singleRowShapes(inputs, shape);
  const first = estimateRunSeconds(graph, shapes, runtime.kind, rows);
  if (secondModel === undefined) return first;
  const { half } = secondModel;
  const roundsSums = half !== undefined && half.accumulate !== 'float32';
  return first + (roundsSums ? estimateRunSeconds(graph, shapes, runtime.kind, rows, true) : first);
}

/** Seeds to draw where none are given: fewer of a model that is slow or whose testcases are large. */
export function drawnSeedCount(
  model: CostModel,
  inputs: readonly InputSpec[],
  config: Pick<Partial<CampaignConfig>, 'time'>,
  most: number,
): number {
  // A size that is open has an error of its own.
  const sized = inputs.map(({ name, shape, type }) => ({
    name,
    type,
    shape: shape.map((size) => size ?? 1),
    size: shape.reduce<number>((product, size) => product * (size ?? 1), 1),
  }));
  const bytes = sized.reduce((sum, { type, size }) => sum + size * DTYPES[type].bytes, 0);
  const byMemory = Math.floor(FIRST_LOOK_BYTES / Math.max(1, bytes));
  const bySeconds = Math.floor(firstLookSeconds(config) / estimateSeconds(model, { inputs: sized }, 1));
  return Math.max(1, Math.min(most, byMemory, bySeconds));
}

/** What a workload depends on beside the settings. */
export interface WorkloadOptions {
  readonly model: CostModel;
  /** The largest of the seeds' shapes. */
  readonly shape: ShapeSignature;
  readonly batch: number;
  /** Seeds that were drawn; undefined where they are given. */
  readonly drawnSeeds: number | undefined;
}

/** Decides the sizes of a campaign. Those of a model with small inputs that is not slow are the usual ones. */
export function resolveWorkload(
  config: Pick<CampaignConfig, 'time'>,
  { model, shape, batch, drawnSeeds }: WorkloadOptions,
): Workload {
  const rowValues = shape.inputs.reduce((sum, { size }) => sum + size, 0);
  const runSeconds = estimateSeconds(model, shape, batch);
  const mutantSeconds = runSeconds + MUTANT_COPIES * rowValues * COPY_SECONDS;
  const affordable = Math.floor(firstLookSeconds(config) / mutantSeconds);
  const isLarge = rowValues >= LARGE_ROW_VALUES;
  return {
    ...(drawnSeeds === undefined ? {} : { drawnSeeds }),
    runMicroseconds: Number((1e6 * runSeconds).toPrecision(3)),
    calibrationMutants: Math.max(
      MIN_CALIBRATION_MUTANTS,
      Math.min(CALIBRATION_MUTANTS, floorToPowerOfTwo(affordable)),
    ),
    // A task of a model that generates text is a batch.
    taskMutants: model.generation === undefined ? taskMutants(batch, mutantSeconds) : batch,
    ...(model.generation === undefined && MUTANTS_PER_PICK * mutantSeconds >= SLOW_PICK_SECONDS
      ? { minFeedbackDelay: SLOW_FEEDBACK_DELAY }
      : {}),
    runCost: isLarge ? Number((runSeconds / (rowValues * COPY_SECONDS)).toPrecision(3)) : RUN_COST,
    editsRows: isLarge && batch === 1,
  };
}

/** A quarter of it, the smallest task, is at least one pick, so that a parent is sent and copied once for all its mutants. */
function taskMutants(batch: number, mutantSeconds: number): number {
  const onePick = 4 * MUTANTS_PER_PICK;
  return batch >= onePick || MUTANTS_PER_PICK * mutantSeconds > MIN_TASK_SECONDS ? batch : onePick;
}
