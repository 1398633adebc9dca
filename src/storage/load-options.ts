import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { ModelConfig, SecondModelConfig, ThreatModel } from '../config/schema.ts';
import { shownScores } from '../config/threat-model.ts';
import { CODEPOINTS } from '../config/values.ts';
import { UserError } from '../core/errors.ts';
import { type LoadOptions, MODEL_JSON, type SecondModelOptions } from '../model/model.ts';

/** Folder in a campaign's folder that holds the quantized copy derived from its model. */
export const DERIVED_MODEL_FOLDER = 'copy';

/** Path of the derived copy in a campaign's folder; undefined where there is none. */
export async function findDerivedModel(folder: string): Promise<string | undefined> {
  const names = await readdir(join(folder, DERIVED_MODEL_FOLDER)).catch(() => []);
  return names.length === 0 ? undefined : join(folder, DERIVED_MODEL_FOLDER, mainFile(names));
}

/** The file of a model that is passed to the loader. */
export function mainFile(names: readonly string[]): string {
  return names.find((name) => name === MODEL_JSON) ?? names[0];
}

/**
 * The model's path: as it was given, which findings record since it is the same wherever a campaign's folder lies,
 * and absolute.
 *
 * @throws UserError where the settings name no model
 */
export function modelPath({ model }: { readonly model?: string | undefined }): {
  readonly asGiven: string;
  readonly absolute: string;
} {
  if (model === undefined) {
    throw new UserError(
      "no model given: name one, as in 'neurofuzz fuzz model.onnx --seeds …', or use a campaign file with --config",
    );
  }
  return { asGiven: model, absolute: resolve(model) };
}

/** Options to load the model alone, without a second one. */
export function loadOptions({
  runtime,
  signature,
  tags,
  half = 'auto',
  generate,
  threatModel,
}: ModelConfig & { readonly threatModel?: ThreatModel | undefined }): LoadOptions {
  const { model, outputs = 'scores' } = threatModel?.knows ?? {};
  const shown = outputs === 'labels' ? 0 : shownScores(outputs);
  const hidden = {
    ...(model === 'outputs' ? { hidesTensors: true } : {}),
    ...(shown === undefined ? {} : { shownScores: shown }),
  };
  if (generate === undefined) return { runtime, signature, tags, half, ...hidden };
  const { prompts: _prompts, promptLength: _length, vocabulary, ...sampling } = generate;
  const isPath = vocabulary !== CODEPOINTS && !/^\w+:\/\//.test(vocabulary);
  return {
    runtime,
    signature,
    tags,
    half,
    generate: { ...sampling, vocabulary: isPath ? resolve(vocabulary) : vocabulary },
  };
}

/**
 * Options to load the second model of a pair; undefined where there is none.
 *
 * @param derived path of the quantized copy that was derived from the model
 * @throws UserError where `match` is not given as pairs
 */
export function secondModelOptions(
  config: ModelConfig & SecondModelConfig,
  derived?: string,
): SecondModelOptions | undefined {
  const { against, againstRuntime, signature, tags } = config;
  const match = parseOutputPairs(config.match);
  if (derived !== undefined) return { path: derived, runtime: againstRuntime ?? 'auto', match };
  if (against === undefined && againstRuntime === undefined) return undefined;
  // The model itself on another runtime is the same SavedModel signature.
  const selection = against === undefined ? { signature, tags } : {};
  return {
    path: resolve(against ?? config.model ?? '.'),
    runtime: againstRuntime ?? 'auto',
    match,
    ...selection,
  };
}

/**
 * The second model's output names by the first one's.
 *
 * @throws UserError where they are not given as pairs
 */
export function parseOutputPairs(
  match: SecondModelConfig['match'],
): Readonly<Record<string, string>> | undefined {
  if (!Array.isArray(match)) return match;
  return Object.fromEntries(
    match.map((pair) => {
      const at = pair.lastIndexOf('=');
      if (at <= 0 || at === pair.length - 1)
        throw new UserError(`--match: write outputs as logits=y, the model's first; not ${pair}`);
      return [pair.slice(0, at), pair.slice(at + 1)];
    }),
  );
}
