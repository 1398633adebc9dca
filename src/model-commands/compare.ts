import type { Notices } from '../campaign/resolve/model-settings.ts';
import type { InputConfig, ModelConfig, SecondModelConfig } from '../config/schema.ts';
import { UserError } from '../core/errors.ts';
import type { OnProgress, Progress } from '../core/progress.ts';
import { type ModelComparison, OUTPUTS_SHARE } from '../evaluation/compare-pair.ts';
import { canExposeTensors } from '../model/can-expose-tensors.ts';
import type { ModelInfo, SecondModelInfo } from '../model/model.ts';
import { comparesModels, derivesCopy } from '../objectives/registry.ts';
import { modelPath, secondModelOptions } from '../storage/load-options.ts';
import { withModelSession } from '../workers/model-session.ts';
import { readSeeds } from './read-seeds.ts';

/** Version of the object that `compare --json` prints. */
const COMPARISON_VERSION = 1;

/** Steps of a comparison: loading each model, comparing outputs, comparing layers. */
const STEPS = 4;

/** Result of `compare`: two models on the same inputs. */
export interface ComparisonReport extends ModelComparison {
  readonly formatVersion: number;
  readonly reference: ComparedModel;
  readonly copy: ComparedModel;
  readonly objective: string;
}

interface ComparedModel extends Pick<ModelInfo, 'path' | 'format' | 'sha256'> {
  readonly runtime: string;
}

/** Settings of `compare`. */
export type CompareConfig = ModelConfig &
  InputConfig &
  SecondModelConfig & {
    /** Spec of the objective that decides which outputs disagree. */
    readonly objective: string;
  };

/** How much `compare` reports. */
export interface CompareLimits {
  /** Seeds that are listed, the worst first. */
  readonly worst: number;
  /** Decibels below which a layer counts as diverged. */
  readonly bound: number;
}

/**
 * Runs a model and a second one on the seeds and measures how far they differ.
 *
 * @throws UserError where the two can't be compared, or there are no seeds
 */
export async function compareModels(
  config: CompareConfig,
  { worst, bound }: CompareLimits,
  notices: Notices,
  onProgress: OnProgress = () => {},
): Promise<ComparisonReport> {
  const { objective } = config;
  if (config.seeds === undefined)
    throw new UserError('there are no inputs to compare the models on: set --seeds');
  if (!comparesModels(objective) || derivesCopy(objective))
    throw new UserError('--objective: use quantization or differential');
  const second = secondModelOptions(config);
  if (second === undefined) throw new Error('there is no second model');
  const steps = (done: number, inner?: Progress): void =>
    onProgress({ label: 'comparing', done, total: STEPS, unit: 'step', inner });
  steps(0);
  return withModelSession({ ...config, model: modelPath(config).absolute }, async (session) => {
    steps(1);
    const reference = session.info;
    const copy = await session.loadSecondModel(second);
    if (copy.sha256 === reference.sha256 && copy.runtime.kind === reference.runtime.kind)
      notices.warn('both models are the same file on the same runtime: they can differ only by noise');
    const { seeds } = await readSeeds(reference, config, notices);
    const request = {
      testcases: seeds,
      objective,
      maxListed: worst,
      divergenceDecibels: bound,
      hasMemory: canExposeTensors(reference),
    };
    steps(2);
    const comparison = await session.compare(request, (share) => {
      const isLayers = share > OUTPUTS_SHARE;
      const part = isLayers ? (share - OUTPUTS_SHARE) / (1 - OUTPUTS_SHARE) : share / OUTPUTS_SHARE;
      const inner = isLayers
        ? { label: 'layers', done: Math.round(100 * part), total: 100, unit: 'percent' }
        : { label: 'outputs', done: Math.round(part * seeds.length), total: seeds.length, unit: 'input' };
      steps(isLayers ? 3 : 2, inner);
    });
    return {
      formatVersion: COMPARISON_VERSION,
      reference: describeCompared(reference, config.model),
      copy: describeCompared(copy, config.against),
      objective,
      ...comparison,
    };
  });
}

function describeCompared(
  { format, sha256, runtime }: ModelInfo | SecondModelInfo,
  path = '',
): ComparedModel {
  return { path, format, sha256, runtime: runtime.kind };
}
