import { resolveInputs } from '../campaign/resolve/inputs.ts';
import { modelPath, type Notices } from '../campaign/resolve/model-settings.ts';
import type { CampaignConfig } from '../config/schema.ts';
import { parseDuration, parseSize } from '../config/values.ts';
import { UserError } from '../core/errors.ts';
import type { ModelComparison } from '../evaluation/compare-models.ts';
import type { ModelInfo, SecondModelOptions } from '../model/model.ts';
import { comparesModels, objectiveSpecs } from '../objectives/registry.ts';
import { loadOptions, secondModelOptions } from '../storage/load-options.ts';
import { ProbeWorker } from '../workers/probe-worker.ts';
import { memoryShare } from '../workers/resource-limits.ts';

/** Version of what `compare --json` prints. */
const COMPARISON_VERSION = 1;

/** Two models on some inputs, as `compare` tells of them. */
export interface ComparisonReport extends ModelComparison {
  readonly formatVersion: number;
  readonly reference: Pick<ModelInfo, 'path' | 'format' | 'sha256'> & { readonly runtime: string };
  readonly copy: Pick<ModelInfo, 'path' | 'format' | 'sha256'> & { readonly runtime: string };
  readonly objective: string;
}

/**
 * Runs a model and a second one on the seeds and says how far the two lie apart.
 *
 * @param config models, seeds, the objective and what says how seeds are read
 * @param worst seeds that are told
 * @param bound decibels below which a layer counts as departed
 * @throws UserError where the two can't be compared, or there are no seeds
 */
export async function compareModels(
  config: CampaignConfig,
  { worst, bound }: { readonly worst: number; readonly bound: number },
  notes: Notices,
): Promise<ComparisonReport> {
  if (config.seeds === undefined)
    throw new UserError('there is nothing to compare the two on: give inputs with --seeds');
  const specs = objectiveSpecs(config.objective);
  if (specs.length !== 1 || !comparesModels(specs[0]))
    throw new UserError('--objective: name one that compares, quantization or differential');
  const memory = config.memory === undefined ? memoryShare(1) : parseSize(config.memory);
  const scout = new ProbeWorker(
    { timeout: parseDuration(config.timeout), memory },
    { path: modelPath(config).absolute, options: loadOptions(config) },
  );
  try {
    const alone = await scout.load();
    const model = await scout.loadSecondModel(secondModelOptions(config) as SecondModelOptions);
    if (model.secondModel === undefined) throw new Error('there is no second model');
    const { seeds } = await resolveInputs(alone, config, '', notes);
    await scout.probe(seeds[0], []);
    const comparison = await scout.compare({
      testcases: seeds,
      objective: specs[0],
      maxListed: worst,
      divergenceDecibels: bound,
    });
    return {
      formatVersion: COMPARISON_VERSION,
      reference: modelSummary(model, config.model),
      copy: modelSummary(model.secondModel, config.against),
      objective: specs[0],
      ...comparison,
    };
  } finally {
    scout.close();
  }
}

function modelSummary(
  { format, sha256, runtime }: Pick<ModelInfo, 'format' | 'sha256' | 'runtime'>,
  path = '',
): ComparisonReport['reference'] {
  return { path, format, sha256, runtime: runtime.kind };
}
