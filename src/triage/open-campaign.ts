import { dirname, join, resolve } from 'node:path';
import { PlausibilityChecker } from '../campaign/plausibility-checker.ts';
import { checkSettings, readCampaignFile } from '../config/load.ts';
import type { CampaignConfig } from '../config/schema.ts';
import { parseDuration, parseSize } from '../config/values.ts';
import { UserError } from '../core/errors.ts';
import type { Graph } from '../model/graph/graph.ts';
import type { LoadOptions } from '../model/model.ts';
import type { PairNoise } from '../model/pair-noise.ts';
import { derivedCopy, objectiveSpecs } from '../objectives/registry.ts';
import { CAMPAIGN_FILE } from '../storage/campaign-store.ts';
import type { Finding } from '../storage/finding.ts';
import { findDerivedModel, loadOptions, secondModelOptions } from '../storage/load-options.ts';
import { locateModels } from '../storage/locate-models.ts';
import { type ManifestInput, readManifest } from '../storage/manifest-reader.ts';
import { requireTrust, type TrustOptions } from '../storage/trust/require-trust.ts';
import { RerunClient } from '../workers/rerun-client.ts';
import { memoryLimits } from '../workers/resource-limits.ts';
import { exists } from './findings.ts';

/** A campaign opened to rerun its findings. */
export interface OpenCampaign {
  readonly folder: string;
  readonly config: CampaignConfig;
  /** Inputs without the batch dimension, with the legal range of each. */
  readonly inputs: readonly ManifestInput[];
  /** How far gaps move in the models of a pair, as the campaign measured it. */
  readonly noise: PairNoise | undefined;
  /** The model's file, and its current digest below. */
  readonly modelPath: string;
  readonly loadOptions: LoadOptions;
  readonly modelSha256: string;
  readonly graph: Graph;
  readonly secondModelSha256: string | undefined;
  /** The caller closes it. */
  readonly rerunClient: RerunClient;
  /** Tells whether testcases are plausible; undefined where the threat model does not ask. The caller closes it. */
  readonly plausibility: PlausibilityChecker | undefined;
}

export interface OpenCampaignOptions extends TrustOptions {
  /** Path of a model to run in place of the campaign's, such as its next release. */
  readonly model?: string | undefined;
}

/**
 * Opens the campaign of a finding: the nearest ancestor folder that contains a campaign.yaml.
 *
 * @param folder the finding's folder
 * @throws UserError if there is no campaign, it names plug-ins that are not trusted, or the model's inputs differ from the recorded ones
 */
export async function openCampaign(
  folder: string,
  finding: Finding,
  { model: modelOverride, ...trust }: OpenCampaignOptions = {},
): Promise<OpenCampaign> {
  const campaignFolder = await findCampaignFolder(folder);
  const file = join(campaignFolder, CAMPAIGN_FILE);
  const recorded = checkSettings(await readCampaignFile(file), {}, file);
  const plugins = await requireTrust(campaignFolder, recorded, trust);
  if (recorded.model === undefined) throw new UserError(`${file} names no model`);
  const manifest = await readManifest(campaignFolder);
  const asked = recorded.memory === undefined ? undefined : parseSize(recorded.memory);
  const limits = { timeout: parseDuration(recorded.timeout), ...memoryLimits(asked, 1), plugins };
  const rerunClient = new RerunClient(limits);
  try {
    const located = await locateModels(
      modelOverride === undefined ? recorded : { ...recorded, model: undefined },
      manifest,
      campaignFolder,
      'name it with --model',
      rerunClient,
    );
    const model = modelOverride ?? located.model ?? recorded.model;
    const config = { ...recorded, ...located, model };
    const options = await findingLoadOptions(config, finding, campaignFolder, modelOverride !== undefined);
    const current = await rerunClient.identify(model, options);
    const { inputs, noise } = manifest;
    const names = inputs.map((input) => input.name).join();
    if (names !== current.inputs.map((input) => input.name).join()) {
      throw new UserError(`${model} takes other inputs than ${file} recorded (${names})`);
    }
    return {
      folder: campaignFolder,
      config,
      inputs,
      noise,
      modelPath: model,
      loadOptions: options,
      modelSha256: current.sha256,
      graph: current.graph,
      secondModelSha256: current.secondModelSha256,
      rerunClient,
      plausibility: PlausibilityChecker.of(recorded, limits),
    };
  } catch (error) {
    rerunClient.close();
    throw error;
  }
}

/** The part of a request to run a finding again that is the same for its testcase and for variants of it. */
export function rerunRequest({ modelPath, loadOptions, config, noise }: OpenCampaign, finding: Finding) {
  return {
    model: modelPath,
    loadOptions,
    objectives: objectiveSpecs(config.objective),
    noise,
    expectedViolation: { signature: finding.signature, tensors: finding.violation.tensors },
    // Without tracing, the signature names the tensor that was observed instead of the operation.
    canTrace: finding.violation.details.origin !== undefined,
    label: finding.label,
  };
}

async function findCampaignFolder(folder: string): Promise<string> {
  let ancestor = resolve(folder);
  while (!(await exists(join(ancestor, CAMPAIGN_FILE)))) {
    const parent = dirname(ancestor);
    if (parent === ancestor) {
      throw new UserError(`${folder} is not in a campaign: keep it in the folder with its ${CAMPAIGN_FILE}`);
    }
    ancestor = parent;
  }
  return ancestor;
}

/**
 * Options that load the model, and the second one of a pair, on the runtimes on which the finding was recorded.
 *
 * @param folder the campaign's folder
 * @param isOverridden whether another model is run in place of the campaign's
 */
async function findingLoadOptions(
  config: CampaignConfig,
  { model, copy }: Finding,
  folder: string,
  isOverridden: boolean,
): Promise<LoadOptions> {
  // Another model may have another format, which the recorded runtime does not read.
  const options = { ...loadOptions(config), runtime: isOverridden ? 'auto' : model.runtime } as const;
  const copyKind = derivedCopy(config);
  const derived = copyKind === undefined ? undefined : await findDerivedModel(folder);
  if (copyKind !== undefined && derived === undefined)
    throw new UserError(
      `${folder} has lost its folder copy, the ${'quantize' in copyKind ? copyKind.quantize : 'random'} copy of the model`,
    );
  const secondModel = secondModelOptions(config, derived);
  return secondModel === undefined
    ? options
    : { ...options, secondModel: { ...secondModel, runtime: copy?.runtime ?? secondModel.runtime } };
}
