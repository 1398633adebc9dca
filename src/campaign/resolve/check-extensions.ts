import type { CampaignConfig } from '../../config/schema.ts';
import { UserError } from '../../core/errors.ts';
import { CRITERIA, usesReference } from '../../coverage/registry.ts';
import { QUANTIZERS } from '../../model/quantize/registry.ts';
import { checkBuiltIns, objectiveSpecs } from '../../objectives/registry.ts';
import { SCHEDULERS } from '../../schedulers/registry.ts';

/**
 * Checks the specs of a campaign that need neither a model nor a plug-in module, before anything is loaded or written.
 * Specs of mutators may begin with the name of an input and wait for the model.
 *
 * @throws UserError on the first unknown kind or parameter, or value that is not legal
 */
export async function checkExtensions(
  config: Pick<CampaignConfig, 'objective' | 'measure' | 'scheduler' | 'quantize' | 'coverageReference'>,
): Promise<void> {
  await checkBuiltIns(objectiveSpecs(config.objective));
  CRITERIA.check(config.measure);
  if (config.coverageReference !== undefined && usesReference(config.measure) === false)
    throw new UserError(
      `--coverage-reference: --measure ${config.measure} compares with no reference inputs; remove it, or choose another measure (neurofuzz coverage lists them)`,
    );
  SCHEDULERS.check(config.scheduler);
  if (config.quantize !== undefined) QUANTIZERS.check(config.quantize);
}
