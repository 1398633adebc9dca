import { dirname, join, resolve } from 'node:path';
import { checkSettings, readCampaignFile } from '../config/load.ts';
import type { CampaignConfig } from '../config/schema.ts';
import { parseDuration, parseSize } from '../config/values.ts';
import { UserError } from '../core/errors.ts';
import type { LoadOptions } from '../model/model.ts';
import { CAMPAIGN_FILE } from '../storage/campaign-store.ts';
import type { Finding } from '../storage/finding.ts';
import { findDerivedModel, loadOptions, secondModelOptions } from '../storage/load-options.ts';
import { type ManifestInput, readManifest } from '../storage/manifest-reader.ts';
import { RerunClient } from '../workers/rerun-client.ts';
import { memoryShare } from '../workers/resource-limits.ts';
import { exists } from './findings.ts';

/** A campaign that is opened for running its findings. */
export interface OpenCampaign {
  readonly folder: string;
  readonly config: CampaignConfig;
  /** As testcases have them, with the legal values of each. */
  readonly inputs: readonly ManifestInput[];
  /** The model's file and its sha256 today. */
  readonly modelPath: string;
  readonly loadOptions: LoadOptions;
  readonly modelSha256: string;
  readonly secondModelSha256: string | undefined;
  readonly rerunClient: RerunClient;
}

/**
 * Opens the campaign that a finding lies in: the nearest folder above it with a campaign.yaml.
 *
 * @param other another model than the campaign's
 */
export async function openCampaign(folder: string, finding: Finding, other?: string): Promise<OpenCampaign> {
  let above = resolve(folder);
  while (!(await exists(join(above, CAMPAIGN_FILE)))) {
    const next = dirname(above);
    if (next === above) {
      throw new UserError(`${folder} lies in no campaign: keep it below the folder of its ${CAMPAIGN_FILE}`);
    }
    above = next;
  }
  const file = join(above, CAMPAIGN_FILE);
  const recorded = checkSettings(await readCampaignFile(file), {}, file);
  const config = other === undefined ? recorded : { ...recorded, model: other };
  if (config.model === undefined) throw new UserError(`${file} names no model`);
  const memory = config.memory === undefined ? memoryShare(1) : parseSize(config.memory);
  const reproducer = new RerunClient({ timeout: parseDuration(config.timeout), memory });
  try {
    const load = await findingLoadOptions(config, finding, above, other !== undefined);
    const today = await reproducer.identify(config.model, load);
    const { inputs } = await readManifest(above);
    const names = inputs.map((input) => input.name).join();
    if (names !== today.inputs.map((input) => input.name).join()) {
      throw new UserError(`${config.model} takes other inputs than ${file} recorded (${names})`);
    }
    return {
      folder: above,
      config,
      inputs,
      modelPath: config.model,
      loadOptions: load,
      modelSha256: today.sha256,
      secondModelSha256: today.secondModelSha256,
      rerunClient: reproducer,
    };
  } catch (error) {
    reproducer.close();
    throw error;
  }
}

/** @param folder the campaign's */
async function findingLoadOptions(
  config: CampaignConfig,
  { model, copy }: Finding,
  folder: string,
  isOther: boolean,
): Promise<LoadOptions> {
  // Another model may be of another format.
  const own = { ...loadOptions(config), runtime: isOther ? 'auto' : model.runtime } as const;
  const derived = config.quantize === undefined ? undefined : await findDerivedModel(folder);
  if (config.quantize !== undefined && derived === undefined)
    throw new UserError(`${folder} has lost its folder copy, the ${config.quantize} copy of the model`);
  const beside = secondModelOptions(config, derived);
  return beside === undefined
    ? own
    : { ...own, secondModel: { ...beside, runtime: copy?.runtime ?? beside.runtime } };
}
