import type { CampaignConfig } from '../config/schema.ts';
import type { SeedAccountsOptions } from '../fuzzer/seeds/seed-accounts.ts';
import { seedNorm } from '../fuzzer/seeds/seed-distance.ts';
import type { ObjectiveDescriptor } from '../workers/objective-descriptor.ts';
import type { ResolvedInputs } from './resolve/inputs.ts';

/**
 * Settings of the accounts of seeds; undefined where no objective has any. The control and searches by coverage alone keep
 * accounts and do not go by them.
 */
export function resolveSeedAccounts(
  { guidance, perSeed = 'first' }: Pick<CampaignConfig, 'guidance' | 'perSeed'>,
  objectives: readonly Pick<ObjectiveDescriptor, 'name' | 'breaksSeeds'>[],
  { descriptors, mutators, limits }: Pick<ResolvedInputs, 'descriptors' | 'mutators' | 'limits'>,
): SeedAccountsOptions | undefined {
  const names = objectives.filter(({ breaksSeeds }) => breaksSeeds).map(({ name }) => name);
  if (names.length === 0) return undefined;
  const isSteering = guidance === 'auto';
  return {
    objectives: names,
    isExclusive: isSteering && names.length === objectives.length,
    perSeed: isSteering ? perSeed : 'first',
    norm: seedNorm(
      limits,
      descriptors.filter((_, input) => mutators[input].length > 0),
    ),
    limits,
  };
}
