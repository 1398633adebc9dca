import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { fileError, UserError } from '../core/errors.ts';
import type { InputSpec } from '../model/model.ts';
import { isDType } from '../tensor/tensor.ts';
import { CAMPAIGN_FILE } from './campaign-store.ts';

/** An input as campaign.yaml records it. */
export interface ManifestInput extends InputSpec {
  readonly range: readonly [low: number, high: number];
}

/** What a campaign was resolved with: facts about it that need no model. */
export interface CampaignManifest {
  readonly modelSha256: string;
  /** Names of the tensors whose activations are compared, and how. */
  readonly coverage: readonly string[];
  readonly measure: string;
  /** As testcases have them, with the legal values of each. */
  readonly inputs: readonly ManifestInput[];
  /** All of the file. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly resolved: Readonly<Record<string, unknown>>;
}

/**
 * Reads what a campaign's folder records of it.
 *
 * @throws UserError where it can't be read, or was not written by a campaign
 */
export async function readManifest(folder: string): Promise<CampaignManifest> {
  const file = join(folder, CAMPAIGN_FILE);
  let settings: Readonly<Record<string, unknown>> | null;
  try {
    settings = parse(await readFile(file, 'utf8')) as typeof settings;
  } catch (error) {
    throw fileError(error, 'read', file);
  }
  const resolved = settings?.resolved as Readonly<Record<string, unknown>> | undefined;
  if (settings === null || typeof resolved !== 'object' || !Array.isArray(resolved?.inputs))
    throw new UserError(`${file} does not record the model's inputs: it was not written by neurofuzz fuzz`);
  return {
    modelSha256: String(resolved.modelSha256),
    coverage: [settings.coverage].flat().map(String),
    measure: String(settings.measure),
    inputs: checkInputs(resolved.inputs, file),
    settings,
    resolved,
  };
}

/** @throws UserError naming the file where they are no inputs */
export function checkInputs(inputs: readonly unknown[], file: string): ManifestInput[] {
  return inputs.map((input) => {
    const { name, type, shape, range = [0, 1] } = (input ?? {}) as Partial<ManifestInput>;
    if (typeof name !== 'string' || !Array.isArray(shape))
      throw new UserError(`${file} is damaged: an input lacks its name or shape`);
    if (!isDType(String(type))) throw new UserError(`${file}: input ${name} has the unknown type ${type}`);
    return { name, type: type as ManifestInput['type'], shape, range };
  });
}
