import type { CampaignConfig } from '../../config/schema.ts';
import { groupByInput } from '../../config/values.ts';
import { suggestName } from '../../core/did-you-mean.ts';
import { UserError } from '../../core/errors.ts';
import { readFixedMask } from '../../inputs/fixed-mask.ts';
import type { InputSpec } from '../../model/model.ts';

/**
 * Reads the masks of positions that are never mutated, by input; undefined for an input without one.
 *
 * @param inputs without the batch dimension
 * @throws UserError on an input that the model does not have, or a mask that does not fit its input
 */
export async function readFixedMasks(
  setting: CampaignConfig['fixed'],
  inputs: readonly InputSpec[],
): Promise<(Uint8Array | undefined)[]> {
  const names = inputs.map(({ name }) => name);
  const { forAll, byName } = groupByInput(setting, names);
  for (const name of byName.keys()) {
    if (!names.includes(name))
      throw new UserError(`--fixed: the model has no input ${name}: ${suggestName(name, names)}`);
  }
  if (forAll.length > 1 || (forAll.length === 1 && inputs.length > 1))
    throw new UserError(`--fixed: name the input of each mask: ${names[0]}=${forAll[0]}`);
  return Promise.all(
    inputs.map(({ name, shape }) => {
      const path = byName.get(name) ?? forAll[0];
      return path === undefined ? undefined : readFixedMask(path, name, shape);
    }),
  );
}
