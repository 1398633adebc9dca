import { type ResolvedInputs, resolveInputs } from '../campaign/resolve/inputs.ts';
import type { Notices } from '../campaign/resolve/model-settings.ts';
import type { InputConfig, ModelConfig } from '../config/schema.ts';
import type { ModelInfo } from '../model/model.ts';

/** Seeds for a model, and what is known of its inputs. */
export type ModelSeeds = Pick<
  ResolvedInputs,
  'inputs' | 'seeds' | 'labels' | 'descriptors' | 'imageFormats' | 'textOf'
>;

/**
 * Reads the seeds that the settings name, or draws some, for a command that mutates nothing.
 *
 * @throws UserError where they can't be read, or do not fit the model's inputs
 */
export function readSeeds(
  model: ModelInfo,
  config: ModelConfig & InputConfig,
  notices: Notices,
): Promise<ModelSeeds> {
  return resolveInputs(model, config, '', notices);
}
