import type { CampaignConfig } from '../config/schema.ts';
import type { Graph } from '../model/graph/graph.ts';
import type { CampaignManifest } from '../storage/manifest-reader.ts';
import { ReportModel } from './report-model.ts';

/** Loads the model's graph; undefined, with a note in `gaps`, if the model is missing or has changed. */
export async function loadGraph(
  folder: string,
  config: CampaignConfig,
  manifest: CampaignManifest,
  gaps: string[],
): Promise<Graph | undefined> {
  const model = await ReportModel.open(folder, config, manifest, gaps);
  model?.close();
  return model?.graph;
}
