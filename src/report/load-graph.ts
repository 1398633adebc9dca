import type { CampaignConfig } from '../config/schema.ts';
import { errorMessage, MachineError, UserError } from '../core/errors.ts';
import type { Graph } from '../model/graph/graph.ts';
import { findDerivedModel, loadOptions, secondModelOptions } from '../storage/load-options.ts';
import { locateModels } from '../storage/locate-models.ts';
import type { CampaignManifest } from '../storage/manifest-reader.ts';
import { RerunClient } from '../workers/rerun-client.ts';
import { memoryLimits } from '../workers/resource-limits.ts';

/** Time limit for loading the model to read its graph. */
const TIMEOUT_MS = 30_000;

/** Loads the model's graph; undefined, with a note in `gaps`, if the model is missing or has changed. */
export async function loadGraph(
  folder: string,
  config: CampaignConfig,
  manifest: CampaignManifest,
  gaps: string[],
): Promise<Graph | undefined> {
  if (config.model === undefined) return undefined;
  const rerunClient = new RerunClient({ timeout: TIMEOUT_MS, ...memoryLimits(undefined, 1) });
  try {
    const derived = config.quantize === undefined ? undefined : await findDerivedModel(folder);
    const models = await locateModels(config, manifest, folder, 'put it back to see it', rerunClient);
    const located = { ...config, ...models };
    const secondModel = secondModelOptions(located, derived);
    const options = { ...loadOptions(config), ...(secondModel === undefined ? {} : { secondModel }) };
    const { sha256, graph } = await rerunClient.identify(models.model ?? config.model, options);
    if (sha256 === manifest.modelSha256) return graph;
    gaps.push('the model has changed since: of its graph only the way to the output is shown');
  } catch (error) {
    if (!(error instanceof UserError || error instanceof MachineError)) throw error;
    gaps.push(`the model's graph cannot be shown: ${errorMessage(error)}`);
  } finally {
    rerunClient.close();
  }
  return undefined;
}
