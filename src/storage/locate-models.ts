import { stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { CampaignConfig } from '../config/schema.ts';
import { UserError } from '../core/errors.ts';
import { type LoadOptions, MODEL_JSON } from '../model/model.ts';
import { loadOptions } from './load-options.ts';
import type { CampaignManifest } from './manifest-reader.ts';

/** Loads a model to tell its SHA-256. */
export interface ModelIdentifier {
  /** @throws UserError where there is none */
  identify(path: string, options: LoadOptions): Promise<{ readonly sha256: string }>;
}

/**
 * Paths of a campaign's models, which may have been moved since, see `locateModel`.
 *
 * @param config the recorded settings
 * @param folder the campaign's folder
 * @param advice what to do where a model is nowhere, a clause for people
 * @returns the settings that name the models
 * @throws UserError where one is nowhere
 */
export async function locateModels(
  config: CampaignConfig,
  { resolved }: Pick<CampaignManifest, 'resolved'>,
  folder: string,
  advice: string,
  identifier: ModelIdentifier,
): Promise<Pick<CampaignConfig, 'model' | 'against'>> {
  const { model, against } = config;
  const identify =
    (options: CampaignConfig) =>
    async (path: string): Promise<string> =>
      (await identifier.identify(path, loadOptions(options))).sha256;
  const recorded = { given: resolved.modelGiven, sha256: resolved.modelSha256 };
  const second = { given: resolved.copyGiven, sha256: resolved.copySha256 };
  const plain = { ...config, runtime: 'auto', generate: undefined } as const;
  return {
    ...(model === undefined
      ? {}
      : { model: await locateModel({ path: model, ...recorded }, folder, advice, identify(config)) }),
    ...(against === undefined
      ? {}
      : { against: await locateModel({ path: against, ...second }, folder, advice, identify(plain)) }),
  };
}

/** A model as campaign.yaml records it. */
interface RecordedModel {
  /** Its path, relative to the working folder. */
  readonly path: string;
  /** Its path as the user wrote it when the campaign began. */
  readonly given: unknown;
  readonly sha256: unknown;
}

/**
 * Path of a campaign's model: as recorded, relative to the campaign's folder, which finds it where both were moved; else where it was given, in the
 * campaign's folder or beside it, if it is the same by its SHA-256.
 *
 * @param folder the campaign's folder
 * @param advice what to do where it is nowhere, a clause for people
 * @param identify SHA-256 of the model at a path; throws a UserError where there is none
 * @throws UserError where it is nowhere
 */
async function locateModel(
  { path, given, sha256 }: RecordedModel,
  folder: string,
  advice: string,
  identify: (path: string) => Promise<string>,
): Promise<string> {
  if (await exists(path)) return path;
  const name =
    basename(path) === MODEL_JSON ? join(basename(dirname(resolve(path))), MODEL_JSON) : basename(path);
  const candidates = [
    ...(typeof given === 'string' ? [resolve(given)] : []),
    resolve(folder, name),
    resolve(folder, '..', name),
  ];
  for (const candidate of new Set(candidates)) {
    if (!(await exists(candidate))) continue;
    try {
      if ((await identify(candidate)) === sha256) return candidate;
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
    }
  }
  throw new UserError(
    `the model ${path} of ${folder} is missing, and no copy was found next to it: ${advice}`,
  );
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
