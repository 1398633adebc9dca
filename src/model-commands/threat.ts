import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { resolveInputs } from '../campaign/resolve/inputs.ts';
import { threatProse } from '../campaign/threat-model/prose.ts';
import { threatWarnings } from '../campaign/threat-model/warnings.ts';
import { checkSettings, type RawSettings, readCampaignFile } from '../config/load.ts';
import type { CampaignConfig, ThreatModel } from '../config/schema.ts';
import { UserError } from '../core/errors.ts';
import { CAMPAIGN_FILE } from '../storage/campaign-store.ts';
import { withModelSession } from '../workers/model-session.ts';

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
      : await withModelSession(config, ({ info }) => resolveInputs(info, config, '', SILENT));
  return {
    formatVersion: 1,
    threatModel,
    objective,
    prose: threatProse(config),
    warnings: threatWarnings(config, resolved).map((text) => text.replace(/^threat model: /, '')),
    seeds: resolved?.seeds.length ?? null,
  };
}

const SILENT = { info: () => {}, warn: () => {} };
