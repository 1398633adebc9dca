import { resolve } from 'node:path';
import type { CampaignConfig } from '../config/schema.ts';
import { UserError } from '../errors.ts';
import type { LoadOptions } from '../models/model.ts';

/** Tells people what was chosen for them and what they should know. */
export interface Notes {
  info(text: string): void;
  warn(text: string): void;
}

/** How the campaign's model is loaded. */
export function loadOptions({
  runtime,
  signature,
  tags,
}: Pick<CampaignConfig, 'runtime' | 'signature' | 'tags'>): LoadOptions {
  return { runtime, signature, tags };
}

/** The model's path as the user wrote it, for findings: the same in two campaigns wherever their folders lie. */
export function modelPath(config: Pick<CampaignConfig, 'model'>): {
  readonly asGiven: string;
  readonly absolute: string;
} {
  const { model } = config;
  if (model === undefined) {
    throw new UserError(
      "no model given: write it first, as in 'neurofuzz fuzz model.onnx --seeds …', or name it in a campaign file with --config",
    );
  }
  return { asGiven: model, absolute: resolve(model) };
}
