import type { CampaignConfig } from '../../config/schema.ts';
import { UserError } from '../../core/errors.ts';
import { comparesModels, derivesCopy, objectiveSpecs } from '../../objectives/registry.ts';
import { randomLayersOf } from '../../objectives/saliency/saliency-insensitive.ts';
import { parseOutputPairs } from '../../storage/load-options.ts';

/** Receives messages for the user while settings are resolved: choices made for them, and warnings. */
export interface Notices {
  info(text: string): void;
  warn(text: string): void;
}

/**
 * Checks the settings of a second model against each other and against the objectives.
 *
 * @throws UserError naming what to do
 */
export function checkSecondModel(config: CampaignConfig): void {
  const { objective, quantize, against, againstRuntime, match } = config;
  const compares = objectiveSpecs(objective).filter(comparesModels);
  const has = quantize !== undefined || against !== undefined || againstRuntime !== undefined;
  if (quantize !== undefined && against !== undefined)
    throw new UserError('--quantize derives a second model and --against names one: use one of them');
  const deriving = compares.filter(derivesCopy);
  if (quantize !== undefined && deriving.length > 0)
    throw new UserError(
      `--objective: ${deriving[0]} derives a copy with random layers, and --quantize another one: leave one of the two out`,
    );
  const others = compares.filter((spec) => !derivesCopy(spec));
  if (deriving.length > 0 && others.length > 0)
    throw new UserError(
      `--objective: ${deriving[0]} compares with a copy with random layers, and ${others[0]} would too: leave one of the two out`,
    );
  if (new Set(deriving.map(randomLayersOf)).size > 1)
    throw new UserError(
      `--objective: ${deriving[0]} and ${deriving[1]} have different layers, and there is one copy: set the same`,
    );
  if (others.length > 0 && !has)
    throw new UserError(
      `--objective: ${others[0]} needs a second model: name it with --against, derive it with --quantize, or run the model itself on another runtime with --against-runtime`,
    );
  if (has && compares.length === 0)
    throw new UserError(
      'a second model is given but no objective compares it: add --objective quantization or differential, or remove the second model',
    );
  if (match !== undefined && !has)
    throw new UserError('--match is for two models: name the second one with --against');
  parseOutputPairs(match);
}
