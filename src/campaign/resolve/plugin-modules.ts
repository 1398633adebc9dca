import type { CampaignConfig } from '../../config/schema.ts';
import { parseModuleSpec } from '../../extensions/spec.ts';
import type { PluginModule } from '../../workers/worker-setup.ts';

/** The plug-in modules that settings other than objectives name, with the flag of each. */
export function pluginModules({
  measure,
  scheduler,
  mutator,
}: Pick<CampaignConfig, 'measure' | 'scheduler' | 'mutator'>): PluginModule[] {
  const mutators =
    typeof mutator === 'object' && !Array.isArray(mutator)
      ? Object.values(mutator).flat()
      : [mutator ?? []].flat();
  const specs = [
    { flag: '--measure', spec: measure },
    { flag: '--scheduler', spec: scheduler },
    ...mutators.map((spec) => ({ flag: '--mutator', spec })),
  ];
  return specs.flatMap(({ flag, spec }) => {
    const module = parseModuleSpec(spec);
    return module === undefined ? [] : [{ flag, path: module.path }];
  });
}
