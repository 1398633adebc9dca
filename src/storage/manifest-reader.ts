import { join } from 'node:path';
import { MAX_YAML_BYTES, parseYaml } from '../config/parse-yaml.ts';
import { UserError } from '../core/errors.ts';
import { readText } from '../core/read-bounded.ts';
import type { InputSpec, StringInput } from '../model/model.ts';
import type { OutputNoise, PairNoise } from '../model/pair-noise.ts';
import { isDType } from '../tensor/tensor.ts';
import { CAMPAIGN_FILE } from './campaign-store.ts';
import { refuseSpecialFiles } from './special-files.ts';

/** The strings of an input whose model is not loaded. */
const UNKNOWN_STRINGS: StringInput = { pool: [], areTexts: false };

/** An input as recorded in campaign.yaml. */
export interface ManifestInput extends InputSpec {
  readonly range: readonly [low: number, high: number];
}

/** The resolved settings of a campaign, which can be read without loading its model. */
export interface CampaignManifest {
  readonly modelSha256: string;
  /** Names of the coverage tensors. */
  readonly coverage: readonly string[];
  /** Spec of the coverage criterion. */
  readonly measure: string;
  /** Inputs without the batch dimension, with the legal range of each. */
  readonly inputs: readonly ManifestInput[];
  /** How far gaps move in the models of a pair; undefined where that was not measured. */
  readonly noise: PairNoise | undefined;
  /** The whole file. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly resolved: Readonly<Record<string, unknown>>;
}

/**
 * Reads `campaign.yaml` of a campaign's folder.
 *
 * @throws UserError if it can't be read, or was not written by `neurofuzz fuzz`
 */
export async function readManifest(folder: string): Promise<CampaignManifest> {
  const file = join(folder, CAMPAIGN_FILE);
  refuseSpecialFiles(folder);
  const settings = parseYaml(readText(file, 'read', MAX_YAML_BYTES), file) as Readonly<
    Record<string, unknown>
  > | null;
  const resolved = settings?.resolved as Readonly<Record<string, unknown>> | undefined;
  if (settings === null || typeof resolved !== 'object' || !Array.isArray(resolved?.inputs))
    throw new UserError(`${file} does not record the model's inputs: it was not written by neurofuzz fuzz`);
  return {
    modelSha256: String(resolved.modelSha256),
    coverage: [settings.coverage].flat().map(String),
    measure: String(settings.measure),
    inputs: checkInputs(resolved.inputs, file),
    noise: checkNoise(resolved.noise, file),
    settings,
    resolved,
  };
}

/** @throws UserError that names the file, if it is damaged */
function checkNoise(noise: unknown, file: string): PairNoise | undefined {
  if (noise === undefined) return undefined;
  const isNumber = (value: unknown): boolean => typeof value === 'number' && value >= 0;
  const sides = Object.values(Object(noise)) as Partial<OutputNoise>[];
  if (sides.every((side) => isNumber(side?.reference) && isNumber(side?.copy))) return noise as PairNoise;
  throw new UserError(`${file} is damaged: the noise of its models is not recorded as numbers`);
}

/**
 * Validates the inputs recorded in a manifest.
 *
 * @throws UserError that names the file, if an input has no name or shape, or an unknown type
 */
export function checkInputs(inputs: readonly unknown[], file: string): ManifestInput[] {
  return inputs.map((input) => {
    const { name, type, shape, range = [0, 1], strings } = (input ?? {}) as Partial<ManifestInput>;
    if (typeof name !== 'string' || !Array.isArray(shape))
      throw new UserError(`${file} is damaged: an input lacks its name or shape`);
    if (type === undefined || !isDType(type))
      throw new UserError(`${file}: input ${name} has the unknown type ${type}`);
    return { name, type, shape, range, ...(strings === undefined ? {} : { strings: UNKNOWN_STRINGS }) };
  });
}
