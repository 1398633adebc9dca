import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { CampaignConfig } from '../config/schema.ts';
import { UserError } from '../core/errors.ts';
import { CODEPOINTS } from '../model/language/vocabulary.ts';
import { type LoadOptions, MODEL_JSON, type SecondModelOptions } from '../model/model.ts';

/** Folder of a campaign that holds the copy that was derived from its model. */
export const DERIVED_MODEL_FOLDER = 'copy';

/** The copy's file in a campaign's folder; undefined where there is none. */
export async function findDerivedModel(folder: string): Promise<string | undefined> {
  const names = await readdir(join(folder, DERIVED_MODEL_FOLDER)).catch(() => []);
  return names.length === 0 ? undefined : join(folder, DERIVED_MODEL_FOLDER, mainFile(names));
}

/** Of a model's files the one that is loaded. */
export function mainFile(names: readonly string[]): string {
  return names.find((name) => name === MODEL_JSON) ?? names[0];
}

/** How a campaign's model is loaded, alone. */
export function loadOptions({
  runtime,
  signature,
  tags,
  generate,
}: Pick<CampaignConfig, 'runtime' | 'signature' | 'tags' | 'generate'>): LoadOptions {
  if (generate === undefined) return { runtime, signature, tags };
  const { prompts: _prompts, promptLength: _length, vocabulary, ...how } = generate;
  const place = vocabulary === CODEPOINTS || /^\w+:\/\//.test(vocabulary) ? vocabulary : resolve(vocabulary);
  return { runtime, signature, tags, generate: { ...how, vocabulary: place } };
}

/** Settings that say what the campaign's model is compared with. */
type PairSettings = Pick<
  CampaignConfig,
  'model' | 'signature' | 'tags' | 'against' | 'againstRuntime' | 'match'
>;

/**
 * How the second model of a pair is loaded; undefined where there is none.
 *
 * @param derived the copy that was derived from the model, if one was
 */
export function secondModelOptions(config: PairSettings, derived?: string): SecondModelOptions | undefined {
  const { against, againstRuntime, signature, tags } = config;
  const match = parseOutputPairs(config.match);
  if (derived !== undefined) return { path: derived, runtime: againstRuntime ?? 'auto', match };
  if (against === undefined && againstRuntime === undefined) return undefined;
  const own = against === undefined ? { signature, tags } : {};
  return {
    path: resolve(against ?? config.model ?? '.'),
    runtime: againstRuntime ?? 'auto',
    match,
    ...own,
  };
}

/**
 * Outputs that belong together, the copy's by the model's.
 *
 * @throws UserError where they are not given as pairs
 */
export function parseOutputPairs(
  match: CampaignConfig['match'],
): Readonly<Record<string, string>> | undefined {
  if (!Array.isArray(match)) return match;
  return Object.fromEntries(
    match.map((pair) => {
      const at = pair.lastIndexOf('=');
      if (at <= 0 || at === pair.length - 1)
        throw new UserError(`--match: give outputs as logits=y, the model's first; not ${pair}`);
      return [pair.slice(0, at), pair.slice(at + 1)];
    }),
  );
}
