import type { CampaignConfig } from '../config/schema.ts';
import { UserError } from '../core/errors.ts';
import type { SeedAccountsOptions } from '../fuzzer/seeds/seed-accounts.ts';
import { seedNorm } from '../fuzzer/seeds/seed-distance.ts';
import type { ObjectiveDescriptor } from '../workers/objective-descriptor.ts';
import type { ResolvedInputs } from './resolve/inputs.ts';

/**
 * Settings of the accounts of seeds; undefined where no objective has any. The control and searches by coverage alone keep
 * accounts and do not go by them.
 *
 * @throws UserError where least distances are asked for and no objective breaks seeds
 */
export function resolveSeedAccounts(
  { guidance, perSeed }: Pick<CampaignConfig, 'guidance' | 'perSeed'>,
  objectives: readonly Pick<ObjectiveDescriptor, 'name' | 'breaksSeeds'>[],
  { descriptors, mutators, limits }: Pick<ResolvedInputs, 'descriptors' | 'mutators' | 'limits'>,
): SeedAccountsOptions | undefined {
  const names = objectives.filter(({ breaksSeeds }) => breaksSeeds).map(({ name }) => name);
  if (names.length === 0) {
    if (perSeed === 'least')
      throw new UserError(
        `--per-seed least: none of the objectives ${objectives.map(({ name }) => name).join(', ')} counts per seed: use misclassified, quantization, differential or metamorphic`,
      );
    return undefined;
  }
  const isSteering = guidance === 'auto';
  return {
    objectives: names,
    isExclusive: isSteering && names.length === objectives.length,
    perSeed: (isSteering ? perSeed : undefined) ?? 'first',
    norm: seedNorm(
      limits,
      descriptors.filter((_, input) => mutators[input].length > 0),
    ),
    limits,
  };
}
