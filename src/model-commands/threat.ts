import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { PlausibilityChecker } from '../campaign/plausibility-checker.ts';
import { checkLabels } from '../campaign/resolve/check-objectives.ts';
import { type ResolvedInputs, resolveInputs } from '../campaign/resolve/inputs.ts';
import { threatProse } from '../campaign/threat-model/prose.ts';
import { threatWarnings } from '../campaign/threat-model/warnings.ts';
import { checkSettings, type RawSettings, readCampaignFile } from '../config/load.ts';
import type { CampaignConfig, ThreatModel } from '../config/schema.ts';
import { parseDuration } from '../config/values.ts';
import { UserError } from '../core/errors.ts';
import { parseExtensionSpec } from '../extensions/spec.ts';
import { inputDifference } from '../model/input-difference.ts';
import { packBatch } from '../model/testcase-batch.ts';
import { comparesModels, makeObjectives, objectiveSpecs } from '../objectives/registry.ts';
import { CAMPAIGN_FILE } from '../storage/campaign-store.ts';
import { type ModelSession, withModelSession } from '../workers/model-session.ts';
import { memoryLimits } from '../workers/resource-limits.ts';

/** A threat model, for people and programs. */
export interface ThreatDescription {
  readonly formatVersion: 1;
  readonly threatModel: ThreatModel;
  /** Objectives that show whether the goal is reached, with its settings. */
  readonly objective: CampaignConfig['objective'];
  /** One sentence each. */
  readonly prose: readonly string[];
  readonly warnings: readonly string[];
  /** Seeds that the attacker may begin with; null where the model is not there to read them for. */
  readonly seeds: number | null;
}

/**
 * Describes the threat model of a campaign file or of a campaign's folder. Its seeds are read where its model is there.
 *
 * @param flags settings that override those of the file
 * @throws UserError where the file has no threat model, its settings contradict it, or no seed satisfies it
 */
export async function describeThreat(campaign: string, flags: RawSettings): Promise<ThreatDescription> {
  const isFolder = existsSync(campaign) && statSync(campaign).isDirectory();
  const file = isFolder ? join(campaign, CAMPAIGN_FILE) : campaign;
  const config = checkSettings(await readCampaignFile(file), flags, file);
  const { threatModel, objective, model } = config;
  if (threatModel === undefined)
    throw new UserError(
      `${file} has no threatModel: add one, such as threatModel: { goal: { kind: reliability } }, or write a campaign file with neurofuzz init --threat-model`,
    );
  const resolved =
    model === undefined || !existsSync(model)
      ? undefined
      : await withModelSession(config, (session) => checkedInputs(session, config));
  return {
    formatVersion: 1,
    threatModel,
    objective,
    prose: threatProse(config),
    warnings: threatWarnings(config, resolved).map((text) => text.replace(/^threat model: /, '')),
    seeds: resolved?.seeds.length ?? null,
  };
}

/**
 * Inputs of a campaign, after the checks that need its models: what the objectives need, the surrogate, and what is plausible.
 *
 * @throws UserError where fuzz would refuse the campaign
 */
async function checkedInputs(session: ModelSession, config: CampaignConfig): Promise<ResolvedInputs> {
  const { info } = session;
  const resolved = await resolveInputs(info, config, '', SILENT);
  const specs = objectiveSpecs(config.objective);
  // Plug-ins are not run to describe a file.
  if (!specs.some((spec) => parseExtensionSpec(spec).isModule)) {
    const objectives = await makeObjectives(specs);
    checkLabels(config, objectives, config.threatModel?.turn !== 'before');
    const [run] = await session.run(resolved.seeds.slice(0, 1), []);
    const { form, inputs } = packBatch(resolved.seeds.slice(0, 1));
    const batch = { ...run, inputs: form.inputs.map((input, i) => ({ ...input, data: inputs[i] })) };
    // A second model is not loaded.
    for (const objective of objectives.filter(({ name }) => !comparesModels(name))) {
      const refusal = objective.refuses?.({
        ...batch,
        ...(resolved.labels === undefined ? {} : { labels: [0] }),
      });
      if (refusal !== undefined) throw new UserError(`--objective: ${objective.name} ${refusal}`);
    }
  }
  const { threatModel: _, ...others } = config;
  const limits = { timeout: parseDuration(config.timeout), ...memoryLimits(undefined, 1) };
  const surrogate = config.threatModel?.knows.surrogate;
  if (surrogate !== undefined)
    await withModelSession({ ...others, model: surrogate, runtime: 'auto' }, async (other) => {
      const difference = inputDifference(other.info.inputs, info.inputs);
      if (difference !== undefined) throw new UserError(`threatModel.knows.surrogate ${difference}`);
    });
  const plausibility = PlausibilityChecker.of(config, limits);
  try {
    await plausibility?.checkInputs(info.inputs);
    return (await plausibility?.plausibleSeeds(resolved, SILENT)) ?? resolved;
  } finally {
    plausibility?.close();
  }
}

const SILENT = { info: () => {}, warn: () => {} };
